"""How far the rules in the database are, in one query; and which rows have changed since then.

For the reading of rules. Triggers raise `rule_revision` and note in `rule_change` what it was.
Where nobody may make triggers the revision stays at zero: then the times of the latest edits are
looked at, with an overlap for transactions that end late, and now and then everything is read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, func, select, type_coerce

from rules.source.columns import Seconds, UtcDateTime
from rules.source.tables import (
    flow_chain,
    rule_change,
    rule_component,
    rule_revision,
    saga_component_metadata,
)

Mode: TypeAlias = Literal["triggers", "update_time", "comparison", "files"]
Kind: TypeAlias = Literal["chain", "component", "policy"]

OVERLAP: Final = timedelta(seconds=60)
"""How long after its statement a transaction may end and still be seen by the time of its edit."""
EVERYTHING_EVERY: Final = 10
"""Without triggers, each so many polls all rows are compared: deletions leave no time behind."""

_TIMES: Final[tuple[tuple[Table, ColumnElement[datetime]], ...]] = (
    (flow_chain, flow_chain.c.update_time),
    (rule_component, rule_component.c.update_time),
    (saga_component_metadata, saga_component_metadata.c.updated_at),
)


@dataclass(frozen=True, slots=True)
class Stand:
    """How far the database was: the revision or, without one, edits from `since` on.

    `edits` has their number and the sum of their times, for each of the tables.
    """

    revision: int
    since: datetime | None = None
    edits: tuple[object, ...] = ()

    @property
    def mode(self) -> Mode:
        """By what changes are seen."""
        return "triggers" if self.revision else "update_time"


def first_stand(connection: Connection, application: str) -> Stand:
    """How far the database is, for somebody who is about to read everything."""
    revision = connection.execute(_REVISION).scalar() or 0
    if revision:
        return Stand(revision)
    latest = [time for time in connection.execute(select(*_latest(application))).one() if time]
    if not latest:
        return _since(connection, application, None)
    # Whoever edits by SQL in another time zone writes times to come: what is edited now is earlier.
    return _since(connection, application, min(max(latest), datetime.now(UTC)) - OVERLAP)


def current_stand(connection: Connection, application: str, before: Stand) -> Stand:
    """How far the database is now: one query."""
    if before.revision:
        return Stand(connection.execute(_REVISION).scalar() or 0)
    return _since(connection, application, before.since)


def current_revision(connection: Connection) -> int:
    """The revision of now; zero where nobody counts."""
    return connection.execute(_REVISION).scalar() or 0


def changed_kinds(connection: Connection, application: str, since: int) -> Collection[str]:
    """What has changed since a revision, of an application."""
    query = select(rule_change.c.kind).distinct()
    ours = (rule_change.c.application_name == application) & (rule_change.c.revision > since)
    return connection.execute(query.where(ours)).scalars().all()


_REVISION: Final = select(rule_revision.c.revision).where(rule_revision.c.id == 1)


def _since(connection: Connection, application: str, since: datetime | None) -> Stand:
    edits: list[ScalarSelect[Any]] = [_REVISION.scalar_subquery()]
    for table, time in _TIMES:
        ours = table.c.application_name == application
        if since is not None:
            ours &= time >= since
        edits += (
            select(func.count()).select_from(table).where(ours).scalar_subquery(),
            # Not the latest: a transaction that ends late leaves an earlier time.
            select(func.sum(Seconds(time))).where(ours).scalar_subquery(),
        )
    revision, *found = connection.execute(select(*edits)).one()
    return Stand(revision or 0, since, tuple(found))


def _latest(application: str) -> list[ColumnElement[datetime]]:
    return [
        type_coerce(
            select(func.max(time)).where(table.c.application_name == application).scalar_subquery(),
            UtcDateTime,
        )
        for table, time in _TIMES
    ]
