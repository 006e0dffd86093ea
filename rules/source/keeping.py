"""Keeps as a version what somebody changed in the database itself, before it serves.

So the number under which a saga runs a chain names that text, and no other, for good. For the
reading of rules, which hands in what has changed.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, TypeAlias

import structlog
from sqlalchemy import Connection, Engine, and_, or_, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from rules.source.collisions import collided
from rules.source.repository import ChainRepository, ChainRow
from rules.source.storing import FOUND, lock_rules
from rules.source.tables import config_version
from rules.source.versions import CHAIN, Place, kept_shas, record, sha_of

TRIES: Final = 3
AT_ONCE: Final = 500
"""Chains that one query asks for."""

Changes: TypeAlias = Mapping[str, Mapping[str, Mapping[str, ChainRow | None]]]
"""Rows by namespace, tenant and name; None for one that is gone."""

_log = structlog.get_logger(__name__)


class Change(NamedTuple):
    """A chain that was found changed: as it was read before, and as it is now."""

    namespace: str
    tenant: str
    name: str
    before: ChainRow | None
    now: ChainRow | None


class Keeper:
    """The versions of one application's chains."""

    def __init__(self, engine: Engine, application: str) -> None:
        self._engine = engine
        self._application = application

    def unkept(self, connection: Connection, changes: Changes, before: Changes) -> list[Change]:
        """The changes that no version tells of. Raises SQLAlchemyError."""
        found = list(_changes(changes, before))
        kept: dict[tuple[str, str, str, int], str] = {}
        for start in range(0, len(found), AT_ONCE):
            kept |= self._kept(connection, found[start : start + AT_ONCE])
        return [one for one in found if not _is_kept(one, kept)]

    def keep(self, change: Change) -> ChainRow | None:
        """The row of now, kept under its number; of one that is taken it gets the next.

        As it was before is kept, too. Where that cannot be written it stays as it is, which is
        logged.
        """
        for left in reversed(range(TRIES)):
            try:
                with self._engine.begin() as connection:
                    lock_rules(connection)
                    return self._write(connection, change)
            except DBAPIError as error:
                if left and (collided(error) or isinstance(error, IntegrityError)):
                    continue
                _log.error(
                    "change_not_kept",
                    namespace=change.namespace,
                    tenant=change.tenant,
                    chain=change.name,
                    why=str(error.orig)[:500],
                )
                break
        return change.now

    def _write(self, connection: Connection, change: Change) -> ChainRow | None:
        place = Place(self._application, CHAIN, change.namespace, change.tenant, change.name)
        kept = kept_shas(connection, place)
        before = change.before
        if before is not None and before.version not in kept:
            kept[before.version] = sha_of(before.content)
            record(connection, place, before.version, before.content, FOUND)
        chains = ChainRepository(self._engine, self._application, change.namespace)
        row = chains.find(connection, change.tenant, change.name)
        if row is None or kept.get(row.version) == sha_of(row.content):
            return row
        newest = max(kept, default=0)
        number = row.version if row.version > newest else newest + 1
        record(connection, place, number, row.content, FOUND)
        if number != row.version:
            chains.number(connection, row, number)
        return chains.find(connection, change.tenant, change.name)

    def _kept(
        self, connection: Connection, changes: list[Change]
    ) -> dict[tuple[str, str, str, int], str]:
        c = config_version.c
        asked = [
            and_(
                c.namespace == change.namespace,
                c.tenant_id == change.tenant,
                c.chain_name == change.name,
                c.version.in_({row.version for row in (change.before, change.now) if row}),
            )
            for change in changes
        ]
        query = select(c.namespace, c.tenant_id, c.chain_name, c.version, c.content_sha).where(
            c.application_name == self._application, c.config_type == CHAIN, or_(*asked)
        )
        return {(n, t, name, v): sha for n, t, name, v, sha in connection.execute(query)}


def _changes(changes: Changes, before: Changes) -> Iterator[Change]:
    for namespace, tenants in changes.items():
        for tenant, rows in tenants.items():
            was = before.get(namespace, {}).get(tenant, {})
            for name, row in rows.items():
                yield Change(namespace, tenant, name, was.get(name), row)


def _is_kept(change: Change, kept: Mapping[tuple[str, str, str, int], str]) -> bool:
    """Whether both rows are; of the earlier one, whether its number names anything."""
    place = change[:3]
    was, now = change.before, change.now
    if was is not None and (*place, was.version) not in kept:
        return False
    return now is None or kept.get((*place, now.version)) == sha_of(now.content)
