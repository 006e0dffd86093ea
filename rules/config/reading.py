"""Reads chains and components as they stand: one, a page of them, their versions.

For the configuration API. What the rows mean is not known here.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from rules.config.changes import Standing
from rules.config.errors import ScriptUnknown, VersionUnknown
from rules.config.history import History, Kept, Recorded
from rules.config.kinds import SHARED, Key, Kind
from rules.config.rows import After, Counts, Row, Rows, Wanted
from rules.errors import ChainUnknown, RuleError
from rules.source.versions import sha_of


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of rows; `after` is where the next one begins. Drafts are not read for it."""

    items: tuple[Standing, ...]
    counts: Counts
    after: After | None


class ConfigReader:
    """The reading of one kind, for one application."""

    def __init__(self, engine: Engine, application: str, kind: Kind) -> None:
        self._engine = engine
        self._kind = kind
        self._rows = Rows(application, kind)
        self._history = History(application, kind)

    def find(self, key: Key) -> Standing:
        """How one stands. Raises ChainUnknown, ScriptUnknown and SQLAlchemyError."""
        standing = self.standing(key)
        if standing.row is None:
            raise self.unknown(key)
        return standing

    def standing(self, key: Key) -> Standing:
        """How one stands, perhaps not at all. Raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            return standing_of(connection, self._rows, self._history, key)

    def page(self, tenant: str, wanted: Wanted, limit: int, after: After | None) -> Listing:
        """What the tenant sees, by name: four queries, whatever the number."""
        with self._engine.connect() as connection:
            rows = self._rows.page(connection, tenant, wanted, limit + 1, after)
            counts = self._rows.counts(connection, tenant, wanted)
            shown = rows[:limit]
            newest, shas = self._history.newest(
                connection, [row.key for row in shown], [(row.key, row.version) for row in shown]
            )
        items = tuple(
            Standing(self._kind, row, newest.get(row.key), shas.get((row.key, row.version)))
            for row in shown
        )
        return Listing(items, counts, _after(shown[-1]) if len(rows) > limit else None)

    def versions(self, key: Key, limit: int, before: int | None) -> list[Recorded]:
        """Versions, the newest first, also of what was deleted. Raises as `find`."""
        with self._engine.connect() as connection:
            found = self._history.page(connection, key, limit, before)
            known = bool(found) or self._history.last(connection, key) is not None
        if not known:
            self.find(key)
        return found

    def version(self, key: Key, version: int) -> Kept:
        """One version with its content; raises VersionUnknown, and as `find`.

        A row that nobody has written down yet is its own version.
        """
        with self._engine.connect() as connection:
            kept = self._history.version(connection, key, version)
        if kept is not None:
            return kept
        standing = self.find(key)
        if standing.row is not None and standing.found and version == standing.version:
            return found_of(standing, standing.row)
        raise VersionUnknown(key.name, version)

    def unknown(self, key: Key) -> RuleError:
        """What says that there is no such thing. Raises SQLAlchemyError."""
        if self._kind.namespaced:
            return ChainUnknown(key.tenant, key.name)
        with self._engine.connect() as connection:
            shared = self._rows.find(connection, key._replace(tenant=SHARED)) is not None
        return ScriptUnknown(key.tenant, key.name, shared=shared and key.tenant != SHARED)


def standing_of(connection: Connection, rows: Rows, history: History, key: Key) -> Standing:
    """How one stands, in this transaction; perhaps not at all."""
    row = rows.find(connection, key)
    last = history.last(connection, key)
    if row is None:
        return Standing(rows.kind, last=last)
    own = history.version(connection, key, row.version)
    draft = None
    if row.draft_version is not None:
        draft = history.version(connection, key, row.draft_version)
    return Standing(rows.kind, row, last, own.recorded.sha if own else None, draft)


def found_of(standing: Standing, row: Row) -> Kept:
    """A row that was changed in the database itself, as the version that it is."""
    from_now = Recorded(
        type=standing.kind.type,
        key=row.key,
        version=standing.version,
        sha=sha_of(row.content),
        change="FOUND",
        operator=None,
        reason=None,
        at=row.updated_at,
        request_sha=None,
    )
    return Kept(from_now, row.content)


def _after(row: Row) -> After:
    return After(row.key.name, row.key.namespace, row.key.tenant)
