"""How a process that runs scripts is asked and answers: JSON behind its length.

For both sides of the pipe. Standard library only.
"""

import io
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final, TypeAlias

# Any: JSON, of which each side knows what it put in.
Question: TypeAlias = dict[str, Any]
Answer: TypeAlias = dict[str, Any]

HEAD: Final = struct.Struct(">I")
PRINTED: Final = 4_096
"""Characters that are kept of what a script prints."""


def failed(
    code: str,
    type: str,
    message: str,
    *,
    line: int | None = None,
    kinds: Sequence[str] = (),
    refused: bool = False,
) -> Answer:
    """The answer of a script that failed."""
    error = {"code": code, "type": type, "message": message, "line": line}
    return {"error": {**error, "kinds": list(kinds), "refused": refused}}


def write_frame(file: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    whole = memoryview(HEAD.pack(len(data)) + data)
    while whole:
        whole = whole[os.write(file, whole) :]


def read_exactly(file: int, size: int) -> bytes | None:
    """So many bytes; None at the end of what there is."""
    parts = bytearray()
    while len(parts) < size:
        part = os.read(file, size - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


class _Some(io.StringIO):
    """Keeps the beginning of what is written."""

    def write(self, text: str) -> int:
        super().write(text[: max(PRINTED - self.tell(), 0)])
        return len(text)


@contextmanager
def printed_by() -> Iterator[io.StringIO]:
    """What is printed meanwhile."""
    kept = _Some()
    with redirect_stdout(kept):
        yield kept
