"""Runs Python scripts, each as the body of a function in a process of its own.

Standard library only. What is imported here is what scripts may import, too: afterwards no file
can be opened.
"""

import ast
import base64
import bisect
import calendar
import collections
import copy
import datetime
import decimal
import encodings.ascii
import encodings.gb18030
import encodings.gbk
import encodings.latin_1
import encodings.utf_8  # noqa: F401 # codecs are looked up by name
import enum
import fractions
import functools
import hashlib
import heapq
import hmac
import itertools
import json
import math
import operator
import random
import re
import statistics
import string
import sys
import textwrap
import time
import traceback
import types
import typing
import unicodedata
import urllib.parse
import uuid
import zlib
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from typing import Final

from activities.scripts.inside.bindings import Bindings, Refusal
from activities.scripts.inside.frames import Answer, Question, failed, printed_by

MODULES: Final = (
    *(base64, bisect, calendar, collections, copy, datetime, decimal, enum, fractions, functools),
    *(hashlib, heapq, hmac, itertools, json, math, operator, random, re, statistics, string),
    *(textwrap, time, typing, unicodedata, urllib, uuid, zlib),
)
FILE: Final = "<script>"
_BODY: Final = "script"


class _NothingMore:
    """The only finder: it says what may be imported."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None, _target: object = None) -> ModuleSpec:
        known = ", ".join(sorted(module.__name__ for module in MODULES))
        raise ImportError(f"a script cannot import '{name}'; there are {known}", name=name)


def prepare() -> None:
    """Load what is otherwise loaded late, then let nothing more be loaded."""
    datetime.datetime.strptime("2000", "%Y").astimezone()
    "a".encode("idna")
    sys.meta_path[:] = [_NothingMore]
    sys.path.clear()
    sys.dont_write_bytecode = True


def problem(_kind: str, text: str) -> str | None:
    """What is wrong with a text."""
    try:
        _compiled(text)
    except (SyntaxError, ValueError) as error:
        return _words(error)
    return None


def run(question: Question) -> Answer:
    """Run the script. Raises nothing for what it does, but lets the process end if it does that."""
    try:
        code = _compiled(question["text"])
    except (SyntaxError, ValueError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        words = error.msg if isinstance(error, SyntaxError) else str(error)
        return failed("SCRIPT_INVALID", type(error).__name__, words, line=line)
    bindings = Bindings(question)
    names: dict[str, object] = {"__name__": "script", "__builtins__": __builtins__}
    names |= {"defaultContext": bindings.context, "_meta": bindings.meta}
    exec(code, names)  # noqa: S102 # it is what this process is for
    body = names.pop(_BODY)
    assert isinstance(body, types.FunctionType)
    with printed_by() as printed:
        answer = _called(body)
    return answer | bindings.told() | {"printed": printed.getvalue()}


def _called(body: Callable[[], object]) -> Answer:
    try:
        value = body()
    except Refusal as refusal:
        return failed(refusal.code, "Refused", refusal.message, refused=True)
    except MemoryError:
        return failed("SCRIPT_MEMORY", "MemoryError", "it needs more memory than scripts may have")
    # SystemExit too: a script ends nothing but itself.
    except BaseException as error:  # noqa: BLE001
        own = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == FILE]
        kinds = [base.__name__ for base in type(error).__mro__[1:-2]]
        words = str(error) or type(error).__name__
        line = own[-1] if own else None
        return failed("SCRIPT_FAILED", type(error).__name__, words, line=line, kinds=kinds)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        return failed("BAD_OUTPUT", "BadOutput", f"it answers with what is no JSON: {error}")
    return {"value": value}


def _compiled(text: str) -> types.CodeType:
    """The text as a function, so that `return` leaves and names are its own."""
    tree = ast.parse(textwrap.dedent(text), FILE)
    function = ast.parse(f"def {_BODY}(): pass", FILE)
    definition = function.body[0]
    assert isinstance(definition, ast.FunctionDef)
    if tree.body:
        definition.body = tree.body
    return compile(function, FILE, "exec", dont_inherit=True)


def _words(error: Exception) -> str:
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"line {error.lineno}: {error.msg}"
    return str(error)
