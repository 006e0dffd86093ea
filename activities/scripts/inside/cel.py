"""Runs CEL expressions, which are conditions: they read the bindings and have no effect.

For a process of its own, since an expression over large lists can take long.
"""

import json
import re
import sys
import types
from typing import Any, Final

# Its command line would load a terminal's whole tool kit, and nobody calls it here.
sys.modules.setdefault("cel.cli", types.ModuleType("cel.cli"))

import cel  # noqa: E402

from activities.scripts.inside.frames import Answer, Question, failed  # noqa: E402

_PLACE: Final = re.compile(r"<input>:(\d+):\d+: (.*)")


def prepare() -> None:
    """Nothing is loaded late."""
    cel.evaluate("_meta.tag == null", {"_meta": {"tag": None}})


def problem(kind: str, text: str) -> str | None:
    """What is wrong with an expression."""
    if kind == "common":
        return "an expression of CEL has no effect: it is for conditions, not for common scripts"
    try:
        cel.compile(text)
    except ValueError as error:
        line, words = _place(error)
        return words if line is None else f"line {line}: {words}"
    return None


def run(question: Question) -> Answer:
    """Evaluate the expression."""
    try:
        program = cel.compile(question["text"])
    except ValueError as error:
        line, words = _place(error)
        return failed("SCRIPT_INVALID", "SyntaxError", words, line=line)
    context, meta = question["context"], question["meta"]
    given = {"defaultContext": context, "context": context, "_meta": meta}
    given["request"] = meta["requestData"]
    try:
        value: Any = program.execute(given)
        json.dumps(value, allow_nan=False)
    # The library raises Python's own exceptions of many types, for the expression's errors.
    except Exception as error:  # noqa: BLE001
        # It does not say where; most expressions have one line.
        line = 1 if "\n" not in question["text"].strip() else None
        words = str(error)
        if isinstance(error, KeyError):
            words = f"no such key: {words}"
        return failed("SCRIPT_FAILED", type(error).__name__, words, line=line)
    return {"value": value}


def _place(error: ValueError) -> tuple[int | None, str]:
    found = _PLACE.search(str(error))
    return (int(found[1]), found[2]) if found else (None, str(error))
