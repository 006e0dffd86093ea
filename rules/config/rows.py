"""All SQL on the tables of chains and components for those who look for them and edit them.

For the writing and listing of rules. What the rows mean is not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from rules.config.kinds import SHARED, Content, Key, Kind
from rules.source.repository import PUBLISHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A chain or component as the table has it.

    `draft_version` is the version of a change that is not live, where the row itself is.
    """

    key: Key
    version: int
    content: Content
    draft_version: int | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows to list; what is None does not filter. `text` may stand anywhere in one."""

    namespace: str | None = None
    status: str | None = None
    enabled: bool | None = None
    drafts: bool | None = None
    text: str | None = None


class Counts(NamedTuple):
    """How many rows there are, whatever their state; disabled ones may be published."""

    total: int
    published: int
    drafts: int
    disabled: int
    changed: int


class After(NamedTuple):
    """The last row of a page."""

    name: str
    namespace: str
    tenant: str


class Rows:
    """One of the tables, for one application."""

    def __init__(self, application: str, kind: Kind) -> None:
        self.kind: Final = kind
        self._application = application
        self._columns = kind.table.c
        self._place: ColumnElement[str] | None = kind.table.c.namespace if kind.namespaced else None

    def find(self, connection: Connection, key: Key) -> Row | None:
        """One row."""
        query = select(self.kind.table).where(self._is(key))
        found = connection.execute(query).mappings().one_or_none()
        return None if found is None else self._row(found)

    def insert(
        self, connection: Connection, key: Key, version: int, content: Content, now: datetime
    ) -> None:
        """A new row. Raises IntegrityError if there is one."""
        place = {"namespace": key.namespace} if self.kind.namespaced else {}
        values = {
            "application_name": self._application,
            "tenant_id": key.tenant,
            self.kind.name: key.name,
            **place,
            **content,
            "version": version,
            "create_time": now,
            "update_time": now,
        }
        connection.execute(insert(self.kind.table).values(**values))

    def update(
        self,
        connection: Connection,
        key: Key,
        content: Content,
        *,
        version: int,
        draft_version: int | None,
        now: datetime,
    ) -> None:
        """Change a row."""
        connection.execute(
            update(self.kind.table)
            .where(self._is(key))
            .values(**content, version=version, draft_version=draft_version, update_time=now)
        )

    def delete(self, connection: Connection, key: Key) -> None:
        """Take a row away."""
        connection.execute(delete(self.kind.table).where(self._is(key)))

    def unpublished(self, connection: Connection, key: Key) -> list[Row]:
        """The tenant's rows of the same namespace that are drafts themselves."""
        columns = self._columns
        query = select(self.kind.table).where(
            columns.application_name == self._application,
            columns.tenant_id == key.tenant,
            columns.status != PUBLISHED,
        )
        if self._place is not None:
            query = query.where(self._place == key.namespace)
        return [self._row(row) for row in connection.execute(query).mappings()]

    def page(
        self, connection: Connection, tenant: str, wanted: Wanted, limit: int, after: After | None
    ) -> list[Row]:
        """Rows that the tenant sees, by name; those behind `after`."""
        order = [self.kind.name_column, *self._order]
        query = select(self.kind.table).where(*self._seen(tenant, wanted), *self._state(wanted))
        if after is not None:
            given = (after.name, *((after.namespace,) if self.kind.namespaced else (after.tenant,)))
            query = query.where(_behind(order, given))
        found = connection.execute(query.order_by(*order).limit(limit)).mappings()
        return [self._row(row) for row in found]

    def counts(self, connection: Connection, tenant: str, wanted: Wanted) -> Counts:
        """How many rows there are in each state, of those that the rest of the filter finds."""
        columns = self._columns
        published = columns.status == PUBLISHED
        query = select(
            func.count(),
            _number(published),
            _number(~published),
            _number(columns[self.kind.enable].is_(False)),
            _number(columns.draft_version.is_not(None)),
        ).where(*self._seen(tenant, wanted))
        return Counts(*connection.execute(query).one())

    @property
    def _order(self) -> Sequence[ColumnElement[str]]:
        return (self._place,) if self._place is not None else (self._columns.tenant_id,)

    def _seen(self, tenant: str, wanted: Wanted) -> list[ColumnElement[bool]]:
        columns = self._columns
        whose = (tenant,) if self.kind.namespaced else (tenant, SHARED)
        found = [
            columns.application_name == self._application,
            columns.tenant_id.in_(whose),
        ]
        if wanted.namespace is not None and self._place is not None:
            found.append(self._place == wanted.namespace)
        if wanted.text:
            texts = (self.kind.name, self.kind.text, self.kind.description)
            like = wanted.text.lower()
            found.append(
                or_(*(func.lower(columns[one]).contains(like, autoescape=True) for one in texts))
            )
        return found

    def _state(self, wanted: Wanted) -> list[ColumnElement[bool]]:
        columns, found = self._columns, []
        if wanted.status is not None:
            found.append(columns.status == wanted.status)
        if wanted.enabled is not None:
            found.append(columns[self.kind.enable].is_(wanted.enabled))
        if wanted.drafts is not None:
            draft = columns.draft_version
            found.append(draft.is_not(None) if wanted.drafts else draft.is_(None))
        return found

    def _is(self, key: Key) -> ColumnElement[bool]:
        columns = self._columns
        same = and_(
            columns.application_name == self._application,
            columns.tenant_id == key.tenant,
            self.kind.name_column == key.name,
        )
        return same if self._place is None else and_(same, self._place == key.namespace)

    def _row(self, found: RowMapping) -> Row:
        place = found["namespace"] if self.kind.namespaced else ""
        state = {"status": found["status"], self.kind.enable: bool(found[self.kind.enable])}
        content: dict[str, Any] = {name: found[name] for name in self.kind.defaults} | state
        return Row(
            key=Key(place, found["tenant_id"], found[self.kind.name]),
            version=found["version"],
            content=content,
            draft_version=found["draft_version"],
            created_at=found["create_time"],
            updated_at=found["update_time"],
        )


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _behind(order: Sequence[ColumnElement[str]], given: Sequence[str]) -> ColumnElement[bool]:
    """Rows that come later in the order than one with these values."""
    first, *rest = order
    later = first > given[0]
    return or_(later, and_(first == given[0], _behind(rest, given[1:]))) if rest else later
