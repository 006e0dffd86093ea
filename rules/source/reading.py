"""Reads the rules: all of them, or what has changed since somebody read them.

For the rule source. Says what the rows are; what they mean is not known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import structlog
from sqlalchemy import Connection, Engine, and_, select
from sqlalchemy.exc import SQLAlchemyError

from rules.source.edits import Edits
from rules.source.histories import Histories
from rules.source.keeping import Changes, Keeper, Kept, Touched, replaced
from rules.source.metadata import MetadataRepository
from rules.source.named import NamedChains
from rules.source.naming import RuleNames
from rules.source.past import Stored
from rules.source.repository import ChainRepository, ChainRow, chain_of, columns_of
from rules.source.revision import (
    EVERYTHING_EVERY,
    Mode,
    Stand,
    changed_kinds,
    current_stand,
    first_stand,
)
from rules.source.script_reading import ScriptReader
from rules.source.scripts import ScriptRow
from rules.source.tables import flow_chain, rule_change
from rules.source.tenant_scripts import ScriptChanges
from rules.source.versions import CHAIN, COMPONENT, Place

USUAL: Final = RuleNames()

R = TypeVar("R", ChainRow, ScriptRow)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Everything:
    """All rules; chains by namespace, scripts have none."""

    stand: Stand
    chains: Mapping[str, Iterable[ChainRow]]
    edits: Edits
    scripts: tuple[ScriptRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """Rules that somebody touched; `edits` are all of the policies' edits, if one was touched."""

    stand: Stand
    chains: Changes
    edits: Edits | None = None
    scripts: ScriptChanges = field(default_factory=dict)


class RuleReader:
    """The rules of one application in some namespaces."""

    def __init__(
        self,
        engine: Engine,
        application: str,
        namespaces: tuple[str, ...],
        names: RuleNames = USUAL,
    ) -> None:
        self._engine = engine
        self._application = application
        self._namespaces = namespaces
        self._metadata = MetadataRepository(engine, application)
        self._named = None if names.usual else NamedChains(names, application, namespaces)
        self._keeper = Keeper(engine, application)
        self._scripts = ScriptReader(application, names)
        self._polls = 0
        self._numbered = False

    @property
    def problems(self) -> tuple[str, ...]:
        """None: the database is read as a whole."""
        return ()

    def everything(self) -> Everything:
        """All rules as they are now. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            return self._everything(connection)

    def changes(self, since: Stand) -> Everything | Changed | None:
        """What was touched since then; None if nothing was, which costs one query.

        Where that cannot be told, everything. Raises SQLAlchemyError.
        """
        with self._engine.connect() as connection:
            if self._named is not None:
                return self._everything(connection)
            now = current_stand(connection, self._application, since)
            if now.mode == since.mode == "triggers":
                return self._by_triggers(connection, since, now)
            self._polls += 1
            if now.mode != since.mode or self._polls >= EVERYTHING_EVERY:
                return self._everything(connection)
            return None if now == since else self._by_times(connection, since)

    def moved(self, since: Stand) -> bool:
        """Whether `changes` would find anything to look at: one query. Raises SQLAlchemyError."""
        if self._named is not None or self._polls + 1 >= EVERYTHING_EVERY:
            return True
        with self._engine.connect() as connection:
            found = current_stand(connection, self._application, since) != since
        if not found and since.mode != "triggers":
            self._polls += 1
        return found

    def numbered(self, read: Everything) -> Everything:
        """The same rules; what was changed while no process looked is a version now.

        Done until it has succeeded once. What starts does not depend on it: what cannot be read or
        written for it is logged, and stays as it is.
        """
        if self._named is not None or self._numbered:
            return read
        try:
            with self._engine.connect() as connection:
                found = self._keeper.drifted(connection, read.chains, read.scripts)
        except SQLAlchemyError as error:
            _log.error("changes_not_looked_for", why=str(getattr(error, "orig", error))[:500])
            return read
        kept = self._keeper.keep(found)
        self._numbered = len(kept) == len(found)
        return _with_kept(read, kept)

    def unkept(self, changes: Touched, before: Touched) -> bool:
        """Whether some of the changes are no versions yet. Raises SQLAlchemyError."""
        if self._named is not None:
            return False
        with self._engine.connect() as connection:
            return bool(self._keeper.unkept(connection, changes, before))

    def keep(self, changes: Touched, before: Touched) -> Touched:
        """The changes, of which each is now a version that its number names.

        With tables of a deployment's own there are none. Raises SQLAlchemyError.
        """
        if self._named is not None:
            return changes
        with self._engine.connect() as connection:
            found = self._keeper.unkept(connection, changes, before)
        return replaced(changes, self._keeper.keep(found))

    def mode(self, stand: Stand) -> Mode:
        """How changes are seen."""
        return stand.mode if self._named is None else "comparison"

    def earlier(self, namespace: str, tenant: str) -> Stored:
        """The versions that somebody kept of a tenant's chains and scripts."""
        places = dict.fromkeys((namespace, self._namespaces[0]))
        return Histories(self._engine, self._application, tuple(places), tenant)

    def _everything(self, connection: Connection) -> Everything:
        self._polls = 0
        # Before the rows, where a database shows each query a moment of its own.
        stand = first_stand(connection, self._application)
        edits = self._metadata.read_edits(connection)
        scripts = tuple(self._scripts.everything(connection))
        if self._named is not None:
            return Everything(stand, self._named.read(connection), edits, scripts)
        chains = {
            namespace: ChainRepository(self._engine, self._application, namespace).read_all(
                connection
            )
            for namespace in self._namespaces
        }
        return Everything(stand, chains, edits, scripts)

    def _by_triggers(
        self, connection: Connection, since: Stand, now: Stand
    ) -> Everything | Changed | None:
        if now.revision == since.revision:
            return None
        if now.revision < since.revision:
            # Another database, or one that was restored.
            return self._everything(connection)
        kinds = changed_kinds(connection, self._application, since.revision)
        edits = self._metadata.read_edits(connection) if "policy" in kinds else None
        chains = self._changed_chains(connection, since.revision) if "chain" in kinds else {}
        scripts = self._scripts.changed(connection, since.revision) if "component" in kinds else {}
        return Changed(now, chains, edits, scripts)

    def _changed_chains(self, connection: Connection, since: int) -> Changes:
        change, chain = rule_change.c, flow_chain.c
        same = and_(
            chain.application_name == change.application_name,
            chain.namespace == change.namespace,
            chain.tenant_id == change.tenant_id,
            chain.chain_name == change.name,
        )
        query = (
            select(
                change.namespace.label("place"),
                change.tenant_id.label("whose"),
                change.name.label("called"),
                *columns_of(flow_chain),
            )
            .select_from(rule_change.outerjoin(flow_chain, same))
            .where(
                change.application_name == self._application,
                change.revision > since,
                change.kind == "chain",
                change.namespace.in_(self._namespaces),
            )
        )
        found = _nested()
        for row in connection.execute(query).mappings():
            there = chain_of(row) if row["name"] is not None else None
            found[row["place"]][row["whose"]][row["called"]] = there
        return found

    def _by_times(self, connection: Connection, since: Stand) -> Changed:
        chain = flow_chain.c
        query = select(chain.namespace.label("place"), *columns_of(flow_chain)).where(
            chain.application_name == self._application, chain.namespace.in_(self._namespaces)
        )
        if since.since is not None:
            query = query.where(chain.update_time >= since.since)
        stand = first_stand(connection, self._application)
        found = _nested()
        for row in connection.execute(query).mappings():
            found[row["place"]][row["tenant"]][row["name"]] = chain_of(row)
        scripts = self._scripts.since(connection, since.since)
        return Changed(stand, found, self._metadata.read_edits(connection), scripts)


def _nested() -> dict[str, dict[str, dict[str, ChainRow | None]]]:
    return defaultdict(lambda: defaultdict(dict))


def _with_kept(read: Everything, kept: Kept) -> Everything:
    """The rows with rows as they were kept."""
    if not kept:
        return read
    found = {place._replace(application=""): row for place, row in kept.items()}

    def now(row: R, place: Place) -> Iterator[R]:
        other = found.get(place, row)
        if isinstance(other, type(row)):
            yield other

    chains = {
        namespace: [
            one
            for row in rows
            for one in now(row, Place("", CHAIN, namespace, row.tenant, row.name))
        ]
        for namespace, rows in read.chains.items()
    }
    scripts = (
        one
        for row in read.scripts
        for one in now(row, Place("", COMPONENT, "", row.tenant, row.id))
    )
    return replace(read, chains=chains, scripts=tuple(scripts))
