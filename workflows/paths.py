"""Node paths: `0.3#17~2.1` is child 1 of the second attempt of the eighteenth pass of block 0.3.

For the gate and everything that asks what stands inside what. Pure.
"""

import re
from collections.abc import Iterator
from typing import Final

MARKS: Final = re.compile(r"[.#~]")
PASSES: Final = re.compile(r"([#~])\d+")


def below(path: str, block: str) -> bool:
    """Whether `path` stands inside `block`."""
    return path.startswith((f"{block}.", f"{block}#", f"{block}~"))


def bare(path: str) -> str:
    """The path of the node in the plan: without the numbers of passes and attempts (`0.3#~.1`)."""
    return PASSES.sub(r"\1", path)


def outwards(path: str) -> Iterator[str]:
    """The path itself and those of all blocks around it, innermost first."""
    yield path
    for mark in reversed(list(MARKS.finditer(path))):
        yield path[: mark.start()]


def passes_around(path: str) -> Iterator[str]:
    """The passes of loops and blocks that `path` stands in, innermost first."""
    for match in reversed(list(PASSES.finditer(path))):
        yield path[: match.end()]


def pass_of(path: str, loop: str) -> int | None:
    """The index of the pass of `loop` that `path` stands in, None if it stands in none."""
    found = PASSES.match(path, len(loop)) if path.startswith(f"{loop}#") else None
    return int(path[found.start() + 1 : found.end()]) if found else None


class Prefixes:
    """A set of paths that is asked whether one of them stands around another path."""

    def __init__(self) -> None:
        self._paths: set[str] = set()

    def add(self, path: str) -> None:
        """Put a path in."""
        self._paths.add(path)

    def discard(self, path: str) -> None:
        """Take a path out, if it is in."""
        self._paths.discard(path)

    def clear(self) -> None:
        """Take all out."""
        self._paths.clear()

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def around(self, path: str) -> bool:
        """Whether one of them stands around `path`."""
        return any(other in self._paths for other in outwards(path) if other != path)

    def within(self, path: str, shield: str | None) -> bool:
        """Whether `path`, or a block around it up to `shield` (None: up to the top), is one."""
        if not self._paths:
            return False
        for other in outwards(path):
            if other in self._paths:
                return True
            if other == shield:
                return False
        return False
