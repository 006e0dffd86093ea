"""Runs JavaScript, each script as the body of a function in an isolate of V8 of its own.

V8 has threads, so the process cannot fork; its isolates share nothing.
"""

import json
import re
from pathlib import Path
from typing import Final, cast

from py_mini_racer import (
    JSEvalException,
    JSOOMException,
    JSParseException,
    JSTimeoutException,
    MiniRacer,
)

from activities.scripts.inside.frames import Answer, Question, failed

_PLACE: Final = re.compile(r":(\d+): (?:SyntaxError: )?(.*)")
_BINDINGS: Final = Path(__file__).with_name("bindings.js").read_text(encoding="utf-8")
_WORDS: Final = "it needs more memory than scripts may have"


def prepare() -> None:
    """Start V8: its threads, and what it reads from files."""
    MiniRacer().eval("new Date().toLocaleString() + new Intl.NumberFormat('en').format(1)")


def problem(_kind: str, text: str) -> str | None:
    """What is wrong with a text."""
    isolate = MiniRacer()
    try:
        isolate.eval(_function(text))
    except JSParseException as error:
        line, words = _place(error)
        return words if line is None else f"line {line}: {words}"
    except JSEvalException as error:
        return str(error)
    finally:
        isolate.close()
    return None


def run(question: Question, *, seconds: float, memory: int) -> Answer:
    """Run the script; its time is counted here, without what comes before it."""
    isolate = MiniRacer()
    try:
        isolate.eval(f"const run = {_BINDINGS};")
        isolate.eval(_function(question["text"], "globalThis.body = "))
        call = f"run(globalThis.body, {json.dumps(question)})"
        answer = isolate.eval(call, timeout_sec=seconds, max_memory=memory)
        return cast(Answer, json.loads(str(answer)))
    except JSTimeoutException:
        return failed("SCRIPT_TIMEOUT", "TimeoutError", f"no answer within {seconds:g} s")
    except JSOOMException:
        return failed("SCRIPT_MEMORY", "MemoryError", _WORDS)
    except JSParseException as error:
        line, words = _place(error)
        return failed("SCRIPT_INVALID", "SyntaxError", words, line=line)
    except JSEvalException as error:
        return failed("SCRIPT_FAILED", "Error", str(error))
    finally:
        isolate.close()


def _function(text: str, kept: str = "") -> str:
    # On one line with the first of the text, so that lines count as its author counts them.
    return f"{kept}(function(defaultContext, _meta) {{{text}\n}})\n//# sourceURL=script"


def _place(error: JSEvalException) -> tuple[int | None, str]:
    found = _PLACE.search(str(error))
    return (int(found[1]), found[2]) if found else (None, str(error).strip())
