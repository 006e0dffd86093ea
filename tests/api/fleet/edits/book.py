"""The model of one chain under edits: its row, its draft, and the versions that are kept of it.

Says again, in few words, what the edits of a chain mean; knows nothing of the product. What others
make of a chain is the shelf's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tests.api.fleet.edits.texts import Text

State = Literal["PUBLISHED", "DRAFT", "DELETED"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a version keeps."""

    text: Text
    state: State = "PUBLISHED"
    on: bool = True

    @property
    def live(self) -> bool:
        return self.state == "PUBLISHED"

    @property
    def serves(self) -> bool:
        return self.live and self.on


@dataclass(frozen=True, slots=True)
class Step:
    """What an edit by API does: the version it keeps, and what the row becomes (None: it goes)."""

    kept: Content
    row: Content | None
    same: bool = False
    draft: bool | None = False
    checked: bool = True

    @property
    def drafted(self) -> bool:
        """Whether nothing goes live by it."""
        return self.same or self.row is None or not self.row.live


@dataclass(frozen=True, slots=True)
class Book:
    """How one chain stands: its row, the draft beside it, and the versions made by API.

    What is edited by SQL gets a number from whoever sees it first, so these are not known here.
    """

    name: str
    row: Content | None = None
    draft: Text | None = None
    kept: Mapping[int, Content] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        return self.row is not None and self.row.serves

    @property
    def working(self) -> Text:
        """What authors go on from."""
        assert self.row is not None
        return self.draft or self.row.text

    def written(self, step: Step, version: int) -> "Book":
        """After an edit by API, which made this version."""
        kept = {**self.kept, version: step.kept}
        draft = {None: self.draft, True: step.kept.text, False: None}[step.draft]
        return Book(self.name, step.row, draft, kept)

    def typed(self, row: Content | None) -> "Book":
        """After an edit by SQL."""
        return replace(self, row=row, draft=self.draft if row is not None else None)


def save(book: Book, text: Text, *, publish: bool) -> Step | None:
    """Another text, live or as a draft; None if it is so already."""
    assert book.row is not None
    row = book.row
    on = row.on or (publish and not row.live)
    content = Content(text, "PUBLISHED" if publish else "DRAFT", on)
    if publish or not row.live:
        same = row == content and not (publish and book.draft is not None)
        return None if same else Step(content, content)
    return None if book.working == text else Step(content, row, same=True, draft=True)


def publish(book: Book) -> Step | None:
    return save(book, book.working, publish=True)


def unpublish(book: Book) -> Step | None:
    assert book.row is not None
    content = Content(book.working, "DRAFT", book.row.on)
    return Step(content, content, checked=False) if book.row.live else None


def switch(book: Book, *, on: bool) -> Step | None:
    assert book.row is not None
    content = replace(book.row, on=on)
    return None if book.row.on is on else Step(content, content, draft=None, checked=on)


def delete(book: Book) -> Step | None:
    if book.row is None:
        return None
    return Step(replace(book.row, state="DELETED"), None, checked=False)


def discard(book: Book) -> Step | None:
    if book.draft is None or book.row is None:
        return None
    return Step(book.row, book.row, same=True, checked=False)


def create(text: Text) -> Step:
    content = Content(text)
    return Step(content, content)


def roll_back(book: Book, version: int) -> Step | None:
    kept = book.kept[version]
    if book.row is None:
        state: Final[State] = "PUBLISHED" if kept.live else "DRAFT"
        content = Content(kept.text, state, kept.on)
        return Step(content, content)
    return save(book, kept.text, publish=book.row.live or kept.live)
