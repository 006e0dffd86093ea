"""Draws edits at random: which is drawn depends on how the tenant's chains now stand.

What one does stands in `tests.api.fleet.edits.editor`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Final, Literal

from tests.api.fleet.edits.book import Book, Content
from tests.api.fleet.edits.shelf import Shelf
from tests.api.fleet.edits.texts import BAD, GOOD, INNER, PART, Shape, Text

NAMES: Final = (PART, "buy", "ship")

Kind = Literal[
    "create",
    "edit",
    "stale",
    "draft",
    "publish",
    "discard",
    "unpublish",
    "disable",
    "enable",
    "rollback",
    "delete",
    "refresh",
    "sql text",
    "sql silent",
    "sql off",
    "sql on",
    "sql delete",
    "sql insert",
    "sql hide",
    "sql show",
    "sql touch",
    "sql same",
]

_GONE: Final[dict[Kind, int]] = {"create": 2, "rollback": 2, "sql insert": 2}
_HIDDEN: Final[dict[Kind, int]] = {
    "publish": 5,
    "sql show": 4,
    "edit": 3,
    "rollback": 2,
    "draft": 1,
    "delete": 1,
}
_OFF: Final[dict[Kind, int]] = {"enable": 5, "sql on": 5, "edit": 2, "sql text": 1, "rollback": 1}
_LIVE: Final[dict[Kind, int]] = {
    "edit": 12,
    "stale": 3,
    "draft": 5,
    "publish": 3,
    "discard": 2,
    "unpublish": 1,
    "disable": 3,
    "rollback": 6,
    "delete": 2,
    "refresh": 2,
    "sql text": 12,
    "sql silent": 3,
    "sql off": 3,
    "sql delete": 1,
    "sql hide": 1,
    "sql touch": 3,
    "sql same": 2,
}


@dataclass(frozen=True, slots=True)
class Edit:
    """What one author does, and by which API."""

    kind: Kind
    chain: str
    api: int
    text: Text
    force: bool
    back: int
    row: Content

    def __str__(self) -> str:
        words = f"{self.kind} {self.chain}"
        if self.kind in ("create", "edit", "draft", "sql text", "sql silent", "sql insert"):
            words += f" {self.text.number} ({self.text.shape})"
        if self.kind == "rollback":
            words += f" to {self.back}"
        return words if self.kind.startswith("sql") else f"{words}, API {self.api}"


class Author:
    """Draws one tenant's edits; texts are numbered for all tenants by `numbers`."""

    def __init__(self, chance: Random, numbers: "count[int]") -> None:
        self._chance = chance
        self._numbers = numbers
        self._lost: dict[str, Content] = {}

    def text(self, chain: str, bad: float = 0.0) -> Text:
        """A new text."""
        shapes: Sequence[Shape] = INNER if chain == PART else GOOD
        if self._chance.random() < bad:
            shapes = BAD
        return Text(next(self._numbers), self._chance.choice(shapes))

    def next(self, shelf: Shelf) -> Edit:
        """The next edit of these chains."""
        chain = self._chance.choice(NAMES)
        book = shelf[chain]
        kinds = _kinds(book)
        kind = self._chance.choices(list(kinds), list(kinds.values()))[0]
        bad = 0.35 if kind in ("edit", "draft", "sql text", "sql silent") else 0.0
        text = self.text(chain, bad)
        if book.row is not None:
            self._lost[chain] = book.row
        return Edit(
            kind=kind,
            chain=chain,
            api=self._chance.randrange(2),
            text=text,
            force=self._chance.random() < 0.5,
            back=self._chance.choice(list(book.kept)),
            row=Content(text) if self._chance.random() < 0.5 else self._lost[chain],
        )


def _kinds(book: Book) -> dict[Kind, int]:
    if book.row is None:
        return _GONE
    if not book.row.live:
        return _HIDDEN
    return _LIVE if book.row.on else _OFF
