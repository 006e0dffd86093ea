"""Keeps as a version what somebody changed in the database itself, before it serves.

So the number of a chain that a saga runs names that text, and no other, for good, and every script
that served can be brought back. For the reading of rules, which hands in what has changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from rules.source.collisions import collided
from rules.source.many_versions import newest_of, outnumbered, shas_of, shas_of_rows
from rules.source.repository import ChainRepository, ChainRow
from rules.source.script_repository import ScriptRepository
from rules.source.scripts import ScriptRow
from rules.source.storing import FOUND, lock_rules
from rules.source.tenant_scripts import ScriptChanges
from rules.source.versions import CHAIN, COMPONENT, ConfigType, Place, record_all, sha_of

T = TypeVar("T")

TRIES: Final = 3
AT_ONCE: Final = 500
"""Rows that one query asks for, and one transaction writes."""

Changes: TypeAlias = Mapping[str, Mapping[str, Mapping[str, ChainRow | None]]]
"""Rows by namespace, tenant and name; None for one that is gone."""
AnyRow: TypeAlias = ChainRow | ScriptRow
Kept: TypeAlias = Mapping[Place, AnyRow | None]
"""Rows as they are now; None for one that is gone."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Touched:
    """Chains and script components that are not as they were; or what just these were."""

    chains: Changes = field(default_factory=dict)
    scripts: ScriptChanges = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.chains or self.scripts)


class Change(NamedTuple):
    """A row that was found changed: as it was read before, and as it is now."""

    place: Place
    before: AnyRow | None
    now: AnyRow | None


class Keeper:
    """The versions of one application's chains and script components."""

    def __init__(self, engine: Engine, application: str) -> None:
        self._engine = engine
        self._application = application

    def unkept(self, connection: Connection, changes: Touched, before: Touched) -> list[Change]:
        """The changes that no version tells of. Raises SQLAlchemyError."""
        found = list(self._changes(changes, before))
        kept: dict[tuple[Place, int], str] = {}
        for some in _chunks(found):
            kept |= shas_of(connection, _numbers(some))
        return [one for one in found if not _is_kept(one, kept)]

    def drifted(
        self,
        connection: Connection,
        chains: Mapping[str, Iterable[ChainRow]],
        scripts: Iterable[ScriptRow],
    ) -> list[Change]:
        """Rows that were changed while nobody looked: versions are kept of them, but not this one.

        A few queries, whatever the number of rows. Those of which nothing is kept have changed
        nothing that somebody could name. Raises SQLAlchemyError.
        """
        namespaces = tuple(chains)
        shas: dict[tuple[Place, int], str] = {}
        others: set[Place] = set()
        for type in (CHAIN, COMPONENT):
            shas |= shas_of_rows(connection, self._application, type, namespaces)
            others |= outnumbered(connection, self._application, type, namespaces)
        found = []
        for place, row in self._places(chains, scripts):
            sha = shas.get((place, row.version))
            if place in others if sha is None else sha != sha_of(row.content):
                found.append(Change(place, None, row))
        return found

    def keep(self, changes: Sequence[Change]) -> Kept:
        """The rows of now, each kept under its number; of one that is taken it gets the next.

        As they were before is kept, too. Where that cannot be written it is logged, nothing more
        is tried, and what is left is missing in the answer.
        """
        kept: dict[Place, AnyRow | None] = {}
        for some in _chunks(changes):
            try:
                kept |= self._kept(some, TRIES)
            except DBAPIError as error:
                place = some[0].place
                _log.error(
                    "change_not_kept",
                    kind=place.type,
                    namespace=place.namespace,
                    tenant=place.tenant,
                    name=place.name,
                    others=len(changes) - len(kept) - 1,
                    why=str(error.orig)[:500],
                )
                break
        return kept

    def _kept(self, changes: Sequence[Change], times: int) -> Kept:
        try:
            with self._engine.begin() as connection:
                lock_rules(connection)
                return self._write(connection, changes)
        except DBAPIError as error:
            if times == 1 or not (collided(error) or isinstance(error, IntegrityError)):
                raise
        return self._kept(changes, times - 1)

    def _write(self, connection: Connection, changes: Sequence[Change]) -> Kept:
        places = [change.place for change in changes]
        rows = self._rows(connection, places)
        asked = [*_numbers(changes), *((place, row.version) for place, row in rows.items())]
        shas = shas_of(connection, asked)
        newest = newest_of(connection, places)
        versions: list[tuple[Place, int, Mapping[str, object]]] = []
        found: dict[Place, AnyRow | None] = dict.fromkeys(places)
        for place, before, _ in changes:
            highest = newest.get(place, 0)
            if before is not None and (place, before.version) not in shas:
                shas[place, before.version] = sha_of(before.content)
                versions.append((place, before.version, before.content))
                highest = max(highest, before.version)
            row = rows.get(place)
            if row is None:
                continue
            if shas.get((place, row.version)) != sha_of(row.content):
                number = row.version if row.version > highest else highest + 1
                versions.append((place, number, row.content))
                row = replace(row, version=number)
            found[place] = row
        record_all(connection, versions, FOUND)
        self._number(connection, rows, found)
        return found

    def _rows(self, connection: Connection, places: Iterable[Place]) -> dict[Place, AnyRow]:
        """The rows as they are now."""
        found: dict[Place, AnyRow] = {}
        for shelf, keys in self._shelves((place, None) for place in places):
            for row in shelf.some(connection, keys):
                name = row.name if isinstance(row, ChainRow) else row.id
                found[self._place(shelf.type, shelf.namespace, row.tenant, name)] = row
        return found

    def _number(self, connection: Connection, rows: Mapping[Place, AnyRow], now: Kept) -> None:
        """Give the rows the numbers that they have now."""
        other = (
            (place, row.version)
            for place, row in now.items()
            if row is not None and row.version != rows[place].version
        )
        for shelf, numbers in self._shelves(other):
            for number in set(numbers.values()):
                keys = [key for key, version in numbers.items() if version == number]
                shelf.number(connection, keys, number)

    def _shelves(
        self, places: Iterable[tuple[Place, T]]
    ) -> Iterator[tuple[ChainRepository | ScriptRepository, dict[tuple[str, str], T]]]:
        """The tables, each with what is said of its rows, by tenant and name."""
        found: dict[tuple[ConfigType, str], dict[tuple[str, str], T]] = {}
        for place, said in places:
            rows = found.setdefault((place.type, place.namespace), {})
            rows[place.tenant, place.name] = said
        for (type, namespace), rows in found.items():
            if type == CHAIN:
                yield ChainRepository(self._engine, self._application, namespace), rows
            else:
                yield ScriptRepository(self._engine, self._application), rows

    def _place(self, type: ConfigType, namespace: str, tenant: str, name: str) -> Place:
        return Place(self._application, type, namespace, tenant, name)

    def _changes(self, changes: Touched, before: Touched) -> Iterator[Change]:
        for namespace, tenants in changes.chains.items():
            for tenant, rows in tenants.items():
                were = before.chains.get(namespace, {}).get(tenant, {})
                for name, row in rows.items():
                    place = self._place(CHAIN, namespace, tenant, name)
                    yield Change(place, were.get(name), row)
        for tenant, scripts in changes.scripts.items():
            known = before.scripts.get(tenant, {})
            for id, script in scripts.items():
                yield Change(self._place(COMPONENT, "", tenant, id), known.get(id), script)

    def _places(
        self, chains: Mapping[str, Iterable[ChainRow]], scripts: Iterable[ScriptRow]
    ) -> Iterator[tuple[Place, AnyRow]]:
        for namespace, rows in chains.items():
            for row in rows:
                yield self._place(CHAIN, namespace, row.tenant, row.name), row
        for script in scripts:
            yield self._place(COMPONENT, "", script.tenant, script.id), script


def replaced(changes: Touched, kept: Kept) -> Touched:
    """The changes with rows as they were kept."""
    chains = {
        namespace: {tenant: dict(rows) for tenant, rows in tenants.items()}
        for namespace, tenants in changes.chains.items()
    }
    scripts = {tenant: dict(rows) for tenant, rows in changes.scripts.items()}
    for place, row in kept.items():
        if isinstance(row, ChainRow) or (row is None and place.type == CHAIN):
            chains[place.namespace][place.tenant][place.name] = row
        else:
            scripts[place.tenant][place.name] = row
    return Touched(chains, scripts)


def _chunks(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    for start in range(0, len(changes), AT_ONCE):
        yield changes[start : start + AT_ONCE]


def _numbers(changes: Iterable[Change]) -> Iterator[tuple[Place, int]]:
    for place, before, now in changes:
        for row in (before, now):
            if row is not None:
                yield place, row.version


def _is_kept(change: Change, kept: Mapping[tuple[Place, int], str]) -> bool:
    """Whether both rows are; of the earlier one, whether its number names anything."""
    place, was, now = change
    if was is not None and (place, was.version) not in kept:
        return False
    return now is None or kept.get((place, now.version)) == sha_of(now.content)
