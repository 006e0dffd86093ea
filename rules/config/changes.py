"""What a wish makes of a chain or component as it stands: the next row, and the version to keep.

For the writing of rules. Pure. A row that is not published is itself the draft; of one that is
published the draft is a version that `draft_version` points to, so that the row serves on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from rules.config.errors import AlreadyExists
from rules.config.history import Kept, Recorded
from rules.config.kinds import DELETED, DRAFT, Content, Kind
from rules.config.rows import Row
from rules.source.repository import PUBLISHED
from rules.source.versions import Change, sha_of


@dataclass(frozen=True, slots=True)
class Standing:
    """How a chain or component stands. `last` is its newest version, `kept` the row's own.

    A row that differs from its own version was changed in the database itself; it then counts as a
    version that nobody has written down yet.
    """

    kind: Kind
    row: Row | None = None
    last: Recorded | None = None
    kept_sha: str | None = None
    draft: Kept | None = None

    @property
    def found(self) -> bool:
        """Whether the row is no version that is kept."""
        return self.row is not None and self.kept_sha != sha_of(self.row.content)

    @property
    def version(self) -> int:
        """The newest version's number, which whoever changes something must name; 0 for none."""
        last = self.last.version if self.last else 0
        if self.row is None:
            return last
        if not self.found:
            return max(last, self.row.version)
        taken = self.kept_sha is not None or self.row.version <= last
        return last + 1 if taken else self.row.version

    @property
    def live(self) -> bool:
        """Whether there is a published row."""
        return self.row is not None and self.kind.live(self.row.content)

    @property
    def working(self) -> Content:
        """What authors go on from: the draft, if there is one."""
        if self.draft is not None:
            return self.kind.written(self.draft.content)
        if self.row is None:
            return self.kind.defaults
        return self.kind.written(self.row.content)

    @property
    def on(self) -> bool:
        """Whether it is switched on, as a new one is."""
        return self.row is None or self.kind.on(self.row.content)


@dataclass(frozen=True, slots=True)
class Step:
    """What a wish changes. `content` is kept as a version.

    `row` is what the row becomes, None if it goes; `same` says that it stays as it is. `draft` is
    whether the version is the row's draft from now on; None leaves a draft alone.
    """

    change: Change
    content: Content
    row: Content | None
    same: bool = False
    draft: bool | None = False

    def live(self, kind: Kind) -> bool:
        """Whether the row is published afterwards."""
        return self.row is not None and kind.live(self.row)


Wish: TypeAlias = Callable[[Standing], Step | None]
"""None: it is as wished already."""


def save(fields: Content, *, publish: bool, change: Change | None = None) -> Wish:
    """These columns, the others as they are; live at once or as a draft."""

    def wish(standing: Standing) -> Step | None:
        content = {**standing.working, **fields}
        if publish:
            return _live(standing, content, change or "UPDATE")
        return _drafted(standing, content, change or "DRAFT")

    return wish


def create(fields: Content, *, enabled: bool, publish: bool) -> Wish:
    """A new one; that of a name that was deleted goes on with its versions.

    The wish raises AlreadyExists where there is one with another content.
    """

    def wish(standing: Standing) -> Step | None:
        kind = standing.kind
        state = PUBLISHED if publish else DRAFT
        content = {**kind.defaults, **fields, "status": state, kind.enable: enabled}
        if standing.row is None:
            return Step("CREATE", content, content)
        if standing.row.content == content and standing.draft is None:
            return None
        raise AlreadyExists(kind.word, standing.row.key.name, standing.version)

    return wish


def publish(standing: Standing) -> Step | None:
    """The draft, or the row that is one, goes live, also if that was switched off."""
    return _live(standing, standing.working, "PUBLISH")


def unpublish(standing: Standing) -> Step | None:
    """Nothing is live; a draft, if there is one, is what the row becomes."""
    if not standing.live:
        return None
    content = _with(standing, standing.working, DRAFT)
    return Step("UNPUBLISH", content, content)


def switch(standing: Standing, *, on: bool) -> Step | None:
    """Served or not, without a change of what it is; a draft stays one."""
    assert standing.row is not None
    if standing.on is on:
        return None
    content = {**standing.row.content, standing.kind.enable: on}
    return Step("ENABLE" if on else "DISABLE", content, content, draft=None)


def remove(standing: Standing) -> Step | None:
    """It is gone; its versions stay."""
    if standing.row is None:
        return None
    return Step("DELETE", {**standing.row.content, "status": DELETED}, None)


def discard(standing: Standing) -> Step | None:
    """The draft of what is live is given up."""
    if standing.draft is None or standing.row is None:
        return None
    return Step("DISCARD", standing.row.content, standing.row.content, same=True)


def roll_back(content: Content, *, live: bool | None) -> Wish:
    """As it was in a version; live if it is live now, or was then, unless `live` says so."""

    def wish(standing: Standing) -> Step | None:
        kind = standing.kind
        fields = kind.written(content)
        goes_live = (standing.live or kind.live(content)) if live is None else live
        if standing.row is None:
            on = {kind.enable: kind.on(content)}
            state = PUBLISHED if goes_live else DRAFT
            row = {**fields, **on, "status": state}
            return Step("ROLLBACK", row, row)
        return save(fields, publish=goes_live, change="ROLLBACK")(standing)

    return wish


def _live(standing: Standing, written: Content, change: Change) -> Step | None:
    """What is live and switched off stays so; to publish what is not live means that it serves."""
    on = standing.on or not standing.live
    content = {**_with(standing, written, PUBLISHED), standing.kind.enable: on}
    row = standing.row
    if row is not None and row.content == content and standing.draft is None:
        return None
    return Step(change, content, content)


def _drafted(standing: Standing, written: Content, change: Change) -> Step | None:
    content = _with(standing, written, DRAFT)
    if standing.row is None:
        return Step(change, content, content)
    if not standing.live:
        return None if standing.row.content == content else Step(change, content, content)
    if standing.working == standing.kind.written(content):
        return None
    return Step(change, content, standing.row.content, same=True, draft=True)


def _with(standing: Standing, written: Content, status: str) -> Content:
    return {**written, "status": status, standing.kind.enable: standing.on}


def fields_of(given: Mapping[str, object], columns: Mapping[str, str]) -> Content:
    """What a request says, by column."""
    return {column: given[field] for field, column in columns.items() if field in given}
