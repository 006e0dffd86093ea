"""Whether a failure is of a type that a rule names (EL `.retry(n, "Type")`; reference section 13).

For the runner and the interpreter. Names are Python class names, `module.Class`, or Java's simple
or full names as scripts and older rules give them; nothing is loaded. Pure.
"""

from collections.abc import Sequence
from typing import Final

from rules.execution import ErrorInfo

EVERY: Final = frozenset(
    {"Exception", "Throwable", "java.lang.Exception", "java.lang.Throwable", "BaseException"}
)
UNCHECKED: Final = frozenset({"RuntimeException", "java.lang.RuntimeException"})
CHECKED: Final = frozenset(
    {
        "ClassNotFoundException",
        "CloneNotSupportedException",
        "ExecutionException",
        "FileNotFoundException",
        "IOException",
        "InterruptedException",
        "NoSuchFieldException",
        "NoSuchMethodException",
        "SQLException",
        "TimeoutException",
    }
)
"""Java's checked exceptions, which are no RuntimeException."""


def matches(error: ErrorInfo, types: Sequence[str]) -> bool:
    """Whether the failure is of one of the types; no types mean every failure."""
    return not types or any(_is(error, name) for name in types)


def _is(error: ErrorInfo, name: str) -> bool:
    if name in EVERY:
        return True
    if name in UNCHECKED:
        return _short(error.type) not in CHECKED
    known = {error.type, *error.kinds}
    return name in known or _short(name) in known


def _short(name: str) -> str:
    return name.rpartition(".")[2]
