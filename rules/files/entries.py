"""What the three formats have in common: chains and nodes as named texts, with their lines.

For the readers of the formats, which make entries, and for `meaning`, which reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from rules.files.definitions import Place, Remark
from rules.files.problems import Problem

Kind = Literal["chain", "node"]

CHAIN_PARTS: Final = (
    "id",
    "name",
    "value",
    "route",
    "body",
    "namespace",
    "extends",
    "enable",
    "thread-pool-executor-class",
    "description",
    "transactional",
    "undo-policy",
    "status",
)
NODE_PARTS: Final = ("id", "name", "class", "type", "value", "file", "language", "enable", "status")


@dataclass(frozen=True, slots=True)
class Entry:
    """A chain or node as a file has it; `value` among its parts is the text inside of it."""

    kind: Kind
    line: int
    parts: Mapping[str, str]

    def __str__(self) -> str:
        name = self.parts.get("id") or self.parts.get("name")
        return f"{self.kind} '{name}'" if name else f"a {self.kind}"


class Pages:
    """A file while it is read: its name, and what was found in it so far."""

    def __init__(self, file: str) -> None:
        self.file: Final = file
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.remarks: list[Remark] = []

    def add(self, entry: Entry, since: int) -> None:
        """Note a chain or node, unless there are more than `since` problems: it had some."""
        if len(self.problems) == since:
            self.entries.append(entry)

    def wrong(self, category: str, message: str, line: int, mend: str) -> None:
        """Note something that is wrong."""
        self.problems.append(Problem(category, message, Place(self.file, line), mend))

    def remark(self, message: str, line: int) -> None:
        """Note something that is read over."""
        self.remarks.append(Remark(Place(self.file, line), message))

    def unknown(self, what: str, name: str, known: tuple[str, ...], line: int) -> None:
        """Note a part that rule files do not have, where leaving it out would lose something."""
        near = get_close_matches(name, known, n=1)
        if near:
            mend = f"did you mean '{near[0]}'?"
        else:
            mend = f"take it out; there is: {', '.join(known)}" if known else "take it out"
        self.wrong("unknown_part", f"{what} has no '{name}'", line, mend)

    def strange(self, what: str, name: str, known: tuple[str, ...], line: int) -> None:
        """Note a property that LiteFlow reads over: wrong only if it looks like a known one."""
        if get_close_matches(name, known, n=1, cutoff=0.8):
            self.unknown(what, name, known, line)
        else:
            self.remark(f"{what}: '{name}' means nothing here", line)
