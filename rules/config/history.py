"""Reads the versions of chains and components: which there are, who made them, and why.

For those who edit and list rules. Versions are written by `rules.source.versions`, never changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, and_, func, or_, select

from rules.config.kinds import Content, Key, Kind
from rules.source.tables import config_version as table

_TOLD: Final = (
    table.c.config_type,
    table.c.namespace,
    table.c.tenant_id,
    table.c.chain_name,
    table.c.version,
    table.c.content_sha,
    table.c.change_type,
    table.c.operator,
    table.c.reason,
    table.c.create_time,
    table.c.request_sha,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A version: its number, the SHA of its content, and who made it, how, when, and why."""

    type: str
    key: Key
    version: int
    sha: str
    change: str
    operator: str | None
    reason: str | None
    at: datetime
    request_sha: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """A version with its content."""

    recorded: Recorded
    content: Content


class History:
    """The versions of one kind, of one application."""

    def __init__(self, application: str, kind: Kind) -> None:
        self._application = application
        self._kind = kind

    def version(self, connection: Connection, key: Key, version: int) -> Kept | None:
        """One version."""
        return self._kept(connection, self._of(key).where(table.c.version == version))

    def last(self, connection: Connection, key: Key) -> Recorded | None:
        """The newest version."""
        query = select(*_TOLD).where(*self._is(key)).order_by(table.c.version.desc()).limit(1)
        found = connection.execute(query).mappings().one_or_none()
        return None if found is None else _recorded(found)

    def page(
        self, connection: Connection, key: Key, limit: int, before: int | None
    ) -> list[Recorded]:
        """Versions, the newest first; those below `before`."""
        query = select(*_TOLD).where(*self._is(key)).order_by(table.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.version < before)
        return [_recorded(row) for row in connection.execute(query).mappings()]

    def requested(self, connection: Connection, tenant: str, request_key: str) -> Kept | None:
        """The version that a request with this key has made, if any; of whatever kind."""
        query = select(*_TOLD, table.c.content).where(
            table.c.application_name == self._application,
            table.c.tenant_id == tenant,
            table.c.request_key == request_key,
        )
        return self._kept(connection, query.order_by(table.c.id).limit(1))

    def newest(
        self, connection: Connection, keys: Sequence[Key], versions: Iterable[tuple[Key, int]]
    ) -> tuple[dict[Key, Recorded], dict[tuple[Key, int], str]]:
        """Of each its newest version; and of certain versions the SHA. Two queries."""
        if not keys:
            return {}, {}
        c = table.c
        mine = (c.application_name == self._application, c.config_type == self._kind.type)
        asked = or_(*(_named(key) for key in keys))
        highest = (
            select(c.namespace, c.tenant_id, c.chain_name, func.max(c.version).label("highest"))
            .where(*mine, asked)
            .group_by(c.namespace, c.tenant_id, c.chain_name)
            .subquery()
        )
        same = and_(
            c.namespace == highest.c.namespace,
            c.tenant_id == highest.c.tenant_id,
            c.chain_name == highest.c.chain_name,
            c.version == highest.c.highest,
        )
        last = select(*_TOLD).select_from(table.join(highest, same)).where(*mine)
        newest = [_recorded(row) for row in connection.execute(last).mappings()]
        certain = or_(*(and_(_named(key), c.version == version) for key, version in versions))
        shas = select(*_TOLD).where(*mine, certain)
        kept = [_recorded(row) for row in connection.execute(shas).mappings()]
        return {one.key: one for one in newest}, {(one.key, one.version): one.sha for one in kept}

    def _of(self, key: Key) -> Select[Any]:
        return select(*_TOLD, table.c.content).where(*self._is(key))

    def _is(self, key: Key) -> tuple[Any, ...]:
        place = self._kind.place(self._application, key).columns
        return tuple(table.c[column] == value for column, value in place.items())

    def _kept(self, connection: Connection, query: Select[Any]) -> Kept | None:
        found = connection.execute(query).mappings().one_or_none()
        return None if found is None else Kept(_recorded(found), found["content"])


def _named(key: Key) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    return and_(
        table.c.namespace == key.namespace,
        table.c.tenant_id == key.tenant,
        table.c.chain_name == key.name,
    )


def _recorded(row: RowMapping) -> Recorded:
    return Recorded(
        type=row["config_type"],
        key=Key(row["namespace"], row["tenant_id"], row["chain_name"]),
        version=row["version"],
        sha=row["content_sha"],
        change=row["change_type"],
        operator=row["operator"],
        reason=row["reason"],
        at=row["create_time"],
        request_sha=row["request_sha"],
    )
