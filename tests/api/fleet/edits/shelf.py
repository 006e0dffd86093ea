"""The model of one tenant's chains, and of what a saga may get that is started at some moment.

A process sees the edits in their order, perhaps several at once. So what it serves is told by the
edits that it must have seen and those that it can have seen.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.api.fleet.edits.book import Book, Step
from tests.api.fleet.edits.texts import PART, Text

Refusal = Literal["CHAIN_DISABLED", "CHAIN_UNKNOWN", "CHAIN_INVALID"]
Shelf = Mapping[str, Book]

OK: Final = "OK"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a saga may run; `parts` is which texts the part may have in it, None for any."""

    text: Text
    parts: frozenset[Text] | None = None


def available(shelf: Shelf) -> bool:
    """Whether there is a part to include; of a bad one an earlier text is."""
    return shelf[PART].serves


def good(shelf: Shelf, name: str) -> bool:
    """Whether a chain serves and compiles as it is."""
    row = shelf[name].row
    return row is not None and row.serves and _compiles(row.text, available(shelf))


def bad(shelf: Shelf) -> set[str]:
    """The chains that are to be in quarantine."""
    return {name for name, book in shelf.items() if book.serves and not good(shelf, name)}


def _compiles(text: Text, part: bool) -> bool:
    return text.good and (part or not text.whole)


def verdicts(shelf: Shelf, name: str, step: Step | None, *, force: bool = False) -> set[str]:
    """What an edit by API may be answered, by code; mostly there is one answer."""
    if step is None:
        return {OK}
    part = shelf[PART]
    text, there = step.kept.text, available(shelf)
    if step.drafted and part.row is not None and not part.row.live:
        there = part.row.text.good
    if step.checked and not _compiles(text, there):
        return {"CHAIN_INVALID"}
    taken = name == PART and part.serves and not (step.row is not None and step.row.serves)
    if force or not taken:
        return {OK}
    others = [book for book in shelf.values() if book.name != PART and book.serves]
    broken = [book for book in others if book.row is not None and book.row.text.whole]
    # Which earlier text of theirs serves is not known here, nor whether it includes the part.
    unsure = [book for book in others if not good(shelf, book.name)]
    return ({"CHAINS_WOULD_BREAK"} if broken else {OK}) | (
        {OK, "CHAINS_WOULD_BREAK"} if unsure else set()
    )


@dataclass(slots=True)
class Timeline:
    """All states of one tenant's chains, by the number of edits; `begun` may be one ahead.

    `scripts` are the texts of its script, by the same number. It is `closed` when no edit comes any
    more.
    """

    tenant: str
    states: list[Shelf]
    scripts: list[int]
    begun: int = 0
    words: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def done(self) -> int:
        """How many edits have ended."""
        return len(self.states) - 1

    @property
    def now(self) -> Shelf:
        return self.states[-1]

    def follow(self, book: Book, words: str, script: int | None = None) -> None:
        """One more edit has ended; perhaps the script has another text."""
        self.states.append({**self.now, book.name: book})
        self.scripts.append(self.scripts[-1] if script is None else script)
        self.words.append(words)

    def said(self, ran: Ran, name: str, seen: int, could: int) -> Collection[int]:
        """The texts that its script may have; in a chain that is held back, any earlier one.

        A chain that is held back for its own text's sake goes on with the scripts of now, and for
        another's sake with those that it was compiled with.
        """
        states = range(seen, min(could, self.done) + 1)
        sound = [n for n in states if good(self.states[n], name)]
        kept = [n for n in sound if (row := self.states[n][name].row) and row.text == ran.text]
        held = any(name in bad(self.states[n]) for n in states)
        return {self.scripts[n] for n in (range(states.stop) if held or not kept else kept)}

    def outcomes(
        self, name: str, seen: int, could: int, certain: Collection[int]
    ) -> Iterator[Ran | Refusal]:
        """What a start may lead to at a process that has seen so many edits, and at most so many.

        `certain` are the states that it has certainly seen one by one.
        """
        for number in range(seen, min(could, self.done) + 1):
            yield from self._at(number, name, certain)

    def _at(self, number: int, name: str, certain: Collection[int]) -> Iterator[Ran | Refusal]:
        shelf = self.states[number]
        book = shelf[name]
        if book.row is None:
            yield "CHAIN_UNKNOWN"
        elif not book.serves:
            yield "CHAIN_DISABLED"
        elif good(shelf, name):
            parts = self._texts(number, PART, certain) if book.row.text.whole else None
            yield Ran(book.row.text, parts)
        else:
            yield from self._earlier(number, name, certain)

    def _texts(self, number: int, name: str, certain: Collection[int]) -> frozenset[Text]:
        found = self._at(number, name, certain)
        return frozenset(one.text for one in found if isinstance(one, Ran))

    def _earlier(self, number: int, name: str, certain: Collection[int]) -> Iterator[Ran | Refusal]:
        """What served before a bad state: the last good one that the process has seen.

        Where the chain was off in between, it may be any that was kept; and if it came back while
        its part was off, none of these may compile.
        """
        off = False
        for before in reversed(range(number)):
            shelf = self.states[before]
            book = shelf[name]
            off = off or not book.serves
            if book.row is not None and good(shelf, name):
                yield Ran(book.row.text)
                if before in certain and not off:
                    return
        if off and not available(self.states[number]):
            yield "CHAIN_INVALID"
