"""Templates: the text of a chain that extends another one, filled by replacing text with text.

For the checks. Pure: knows placeholders `{{key}}` and their definitions `{{key}} = value;`, neither
what the text around them means nor where chains are kept (EL reference section 8). Every character
of a filled text keeps where it was written, so that a finding can point there.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

_PLACEHOLDER: Final = re.compile(r"\{\{([^\W\d]\w*|\d+)\}\}(\s*=)?")


class Placeholder(NamedTuple):
    """`{{key}}` from `start` to `end` (exclusive) of a text."""

    key: str
    start: int
    end: int


class Place(NamedTuple):
    """A stretch of the text that a chain has of its own; `end` exclusive."""

    chain: str
    start: int
    end: int


class Piece(NamedTuple):
    """A stretch of a text, from `at` on, that was written in a chain's own text from `start` on."""

    at: int
    chain: str
    start: int


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and where its parts were written.

    `pieces` follow each other without gaps; `sources` are the own texts of their chains.
    """

    text: str
    pieces: tuple[Piece, ...]
    sources: Mapping[str, str]

    @classmethod
    def by(cls, chain: str, text: str) -> "Written":
        """The text that a chain has of its own."""
        return cls(text, (Piece(0, chain, 0),), {chain: text})

    def place(self, start: int, end: int) -> Place:
        """Where a stretch was written.

        One that ends in another piece ends there if that is further down in the same chain's text,
        else it ends with the piece in which it begins.
        """
        first, last = self._piece(start), self._piece(max(end - 1, start))
        begun, ended = self.pieces[first], self.pieces[last]
        shift = begun.start - begun.at
        if ended.chain == begun.chain and ended.start >= begun.start:
            return Place(begun.chain, start + shift, end + ended.start - ended.at)
        return Place(begun.chain, start + shift, self.pieces[first + 1].at + shift)

    def cut(self, start: int, end: int) -> Iterator[tuple[str, Piece]]:
        """The stretch as texts with the places where they were written."""
        index = self._piece(start)
        while start < end:
            piece = self.pieces[index]
            index += 1
            stop = min(self.pieces[index].at, end) if index < len(self.pieces) else end
            written = Piece(0, piece.chain, piece.start + start - piece.at)
            yield self.text[start:stop], written
            start = stop

    def _piece(self, offset: int) -> int:
        return max(bisect_right(self.pieces, offset, key=lambda piece: piece.at) - 1, 0)


def placeholders(text: str) -> Iterator[Placeholder]:
    """What is to be filled, in the order of the text; a definition's own key is none."""
    for match in _PLACEHOLDER.finditer(text):
        if match.group(2) is None:
            yield Placeholder(match.group(1), match.start(), match.end())


def is_template(text: str) -> bool:
    """Whether something in a text is to be filled."""
    return next(placeholders(text), None) is not None


def definitions(text: str) -> dict[str, tuple[int, int]]:
    """Start and end of each key's value: what stands up to the first `;`, blanks around it off.

    Of several definitions of a key the first counts; one without a `;` is none.
    """
    found: dict[str, tuple[int, int]] = {}
    at = 0
    while (match := _PLACEHOLDER.search(text, at)) is not None:
        at = match.end()
        if match.group(2) is None:
            continue
        end = text.find(";", at)
        if end < 0:
            break
        value = text[at:end]
        start = at + len(value) - len(value.lstrip())
        found.setdefault(match.group(1), (start, start + len(value.strip())))
        at = end + 1
    return found


def unfinished(text: str, key: str) -> int | None:
    """Where a definition of the key begins that has no `;`."""
    last = text.rfind(";") + 1
    for match in _PLACEHOLDER.finditer(text, last):
        if match.group(2) is not None and match.group(1) == key:
            return match.start()
    return None


def missing(base: Written, child: str) -> tuple[Placeholder, ...]:
    """The placeholders of the base that the child's text does not define, each key once."""
    defined = definitions(child)
    found: dict[str, Placeholder] = {}
    for one in placeholders(base.text):
        if one.key not in defined:
            found.setdefault(one.key, one)
    return tuple(found.values())


def fill(base: Written, child: Written, most: int) -> Written | None:
    """The base's text with every placeholder replaced by the child's value, where it has one.

    One after the other, in the order in which the base names them: so a value's own placeholder is
    filled if the base names that key later, else it is left to whom extends the child. None if that
    would be more than `most` characters, or as many replacements.
    """
    return _Filling(base, child, most).run()


class _Filling:
    """The texts that are being copied, the innermost last, each with how far it is copied."""

    def __init__(self, base: Written, child: Written, most: int) -> None:
        self.values: Mapping[str, tuple[int, int]] = definitions(child.text)
        self.ranks: dict[str, int] = {}
        for one in placeholders(base.text):
            self.ranks.setdefault(one.key, len(self.ranks))
        self.child = child
        self.base = base
        self.left = most
        self.texts: list[str] = []
        self.pieces: list[Piece] = []
        self.length = 0

    def run(self) -> Written | None:
        open_texts = [self._parts(self.base, 0, len(self.base.text), -1)]
        while open_texts and self.left >= 0:
            part = next(open_texts[-1], None)
            if part is None:
                open_texts.pop()
            elif isinstance(part, str):
                start, end = self.values[part]
                self.left -= 1
                open_texts.append(self._parts(self.child, start, end, self.ranks[part]))
            else:
                self._add(*part)
        if self.left < 0:
            return None
        sources = {**self.base.sources, **self.child.sources}
        pieces = tuple(self.pieces) or (self.base.pieces[0]._replace(at=0),)
        return Written("".join(self.texts), pieces, sources)

    def _parts(
        self, source: Written, start: int, end: int, rank: int
    ) -> Iterator[str | tuple[Written, int, int]]:
        """A stretch's texts to be copied, and the keys whose values come between them."""
        at = start
        for one in placeholders(source.text[start:end]):
            if self.ranks.get(one.key, -1) > rank and one.key in self.values:
                yield source, at, start + one.start
                yield one.key
                at = start + one.end
        yield source, at, end

    def _add(self, source: Written, start: int, end: int) -> None:
        self.left -= end - start
        if self.left < 0:
            return
        for text, piece in source.cut(start, end):
            self.texts.append(text)
            self.pieces.append(piece._replace(at=self.length))
            self.length += len(text)
