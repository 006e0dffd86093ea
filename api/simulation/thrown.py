"""What stubs throw: Java's exceptions by name, as refusals.

For the stubs. A rule may name a type or one that it is derived from, so the common ones have their
places in Java's tree; any other name is a RuntimeException.
"""

from functools import cache
from typing import Final

from activities.component import Refused

CODED: Final = "LiteFlowException:"
"""`LiteFlowException:<code>` is an exception of the author's own, with a code."""

_PARENTS: Final = {
    "Throwable": "",
    "Error": "Throwable",
    "StackOverflowError": "Error",
    "OutOfMemoryError": "Error",
    "AssertionError": "Error",
    "Exception": "Throwable",
    "ClassNotFoundException": "Exception",
    "CloneNotSupportedException": "Exception",
    "InterruptedException": "Exception",
    "NoSuchFieldException": "Exception",
    "NoSuchMethodException": "Exception",
    "java.io.IOException": "Exception",
    "java.io.FileNotFoundException": "java.io.IOException",
    "java.sql.SQLException": "Exception",
    "java.util.concurrent.ExecutionException": "Exception",
    "java.util.concurrent.TimeoutException": "Exception",
    "RuntimeException": "Exception",
    "IllegalArgumentException": "RuntimeException",
    "NumberFormatException": "IllegalArgumentException",
    "IndexOutOfBoundsException": "RuntimeException",
    "ArrayIndexOutOfBoundsException": "IndexOutOfBoundsException",
    "StringIndexOutOfBoundsException": "IndexOutOfBoundsException",
    "java.util.concurrent.CancellationException": "IllegalStateException",
    "LiteFlowException": "RuntimeException",
    "CustomLiteFlowException": "LiteFlowException",
}

_FULL: Final = {name.rpartition(".")[2]: name for name in _PARENTS}


@cache
def exception(name: str) -> type[Refused]:
    """The class that a name stands for: short ones are Java's, of `java.lang` if not known."""
    package, _, short = name.rpartition(".")
    full = _FULL.get(short, short) if package in ("", "java.lang") else name
    parent = _PARENTS.get(full, "RuntimeException")
    derived = exception(parent) if parent else Refused
    return type(short, (derived,), {"__module__": full.rpartition(".")[0] or "java.lang"})


def thrown(name: str, message: str | None) -> Refused:
    """What is raised for `throws`; it says that nothing happened."""
    if name.startswith(CODED):
        code = name.removeprefix(CODED)
        return exception("CustomLiteFlowException")(message or code, code=code)
    return exception(name)(message or name)
