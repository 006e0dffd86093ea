"""What a rule file of LiteFlow defines, read or to be written: chains, and nodes beside them.

For who reads, writes, brings and serves such files. Pure data: knows neither a format nor where a
chain is kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Final, Literal

SCRIPTS: Final = frozenset(
    {"script", "boolean_script", "switch_script", "for_script", "iterator_script"}
)
"""LiteFlow's, and `iterator_script`, which it does not have."""
TYPES: Final = frozenset({"common", "boolean", "switch", "for", "iterator"}) | SCRIPTS
USUAL_LANGUAGE: Final = "java"
"""Of a script that says none, as in the table of scripts."""
OLD_TYPES: Final = {
    "if": "boolean",
    "while": "boolean",
    "break": "boolean",
    "if_script": "boolean_script",
    "while_script": "boolean_script",
    "break_script": "boolean_script",
}
"""What LiteFlow called them before 2.12."""

UndoPolicy = Literal["stop", "continue"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDefinition:
    """A chain. What a file does not say is None, so that it can stay as it is where it is kept.

    `namespace` None is that of the deployment. `text` and `route` are tidy (`tidy`). Two
    definitions are equal wherever they were written.
    """

    id: str
    text: str
    route: str | None = None
    namespace: str | None = None
    extends: str | None = None
    enabled: bool = True
    description: str | None = None
    transactional: bool | None = None
    undo_policy: UndoPolicy | None = None
    status: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDefinition:
    """A component: a script with its text, or the name of a Java class.

    `type` None means that the file leaves it to the class.
    """

    id: str
    type: str | None = None
    name: str | None = None
    class_name: str | None = None
    language: str | None = None
    script: str | None = None
    enabled: bool = True
    status: str | None = None
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something in a file that is read over, and that its owner should know."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: note: {self.message}"


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that one file, or several, define, in the order of the files."""

    chains: tuple[ChainDefinition, ...] = ()
    nodes: tuple[NodeDefinition, ...] = ()
    remarks: tuple[Remark, ...] = field(default=(), compare=False)

    @classmethod
    def together(cls, parts: "Iterable[Definitions]") -> "Definitions":
        """What all of them define; duplicates are not looked for."""
        parts = tuple(parts)
        return cls(
            tuple(chain for part in parts for chain in part.chains),
            tuple(node for part in parts for node in part.nodes),
            tuple(remark for part in parts for remark in part.remarks),
        )


def tidy(text: str) -> str:
    """A text without the blanks that its place in a file gave it; tidy texts stay as they are.

    Line ends become those of Unix; common indentation and blanks around the text go.
    """
    return dedent(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
