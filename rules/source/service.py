"""The rule source: reads chains and edited policies from the database, and serves snapshots.

For the API and the worker. A database that is down leaves the last snapshot serving and the
source degraded; who polls and how often is the composition root's matter.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from rules.errors import RulesUnavailable
from rules.plan import ComponentPolicy
from rules.source.metadata import MetadataRepository
from rules.source.repository import ChainRepository
from rules.source.snapshot import Snapshot

RETRY_SECONDS: Final = 3.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Degraded:
    """Why the rules cannot be read, and since when."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How current the served rules are."""

    application: str
    namespace: str
    chains: int
    tenants: int
    refreshed_at: datetime | None
    degraded: Degraded | None


class RuleSource:
    """The chains of one application and namespace, for all tenants.

    `components` are those that this deployment serves; `when_max_wait` is the limit, in
    milliseconds, of a WHEN that says none itself. Of the namespaces in `further`, the chains are
    served that a route chooses; these may include and extend chains of the first namespace.
    """

    def __init__(
        self,
        engine: Engine,
        application: str,
        namespace: str,
        components: Mapping[str, ComponentPolicy],
        *,
        when_max_wait: int | None = None,
        further: Iterable[str] = (),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.engine: Final = engine
        self.namespaces: Final = tuple(dict.fromkeys((namespace, *further)))
        self._repositories = [ChainRepository(engine, application, n) for n in self.namespaces]
        self._metadata = MetadataRepository(engine, application)
        self._application = application
        self._namespace = namespace
        self._components = components
        self._when_max_wait = when_max_wait
        self._clock = clock
        self._refreshing = threading.Lock()
        self._snapshots: Mapping[str, Snapshot] = {}
        self._refreshed_at: datetime | None = None
        self._degraded: Degraded | None = None
        self._tried_at: float | None = None

    def refresh(self) -> bool:
        """Read chains and edits, and swap the snapshot; False if the old one must serve on."""
        with self._refreshing:
            return self._refresh()

    def _refresh(self) -> bool:
        self._tried_at = self._clock()
        try:
            with self.engine.connect() as connection:
                rows = [one.read_all(connection) for one in self._repositories]
                edits = self._metadata.read_edits(connection)
        except (SQLAlchemyError, OSError) as error:
            since = self._degraded.since if self._degraded else datetime.now(UTC)
            # The driver's own words, without the statement that it was given.
            reason = str(getattr(error, "orig", None) or error)[:500]
            self._degraded = Degraded(reason=reason, since=since)
            _log.error("rules_not_read", serving_old=bool(self._snapshots), error=reason)
            return False
        self._snapshots = {
            namespace: Snapshot(
                own,
                self._components,
                self._snapshots.get(namespace),
                edits=edits,
                when_max_wait=self._when_max_wait,
                beneath=() if namespace == self._namespace else rows[0],
            )
            for namespace, own in zip(self.namespaces, rows, strict=True)
        }
        self._refreshed_at = datetime.now(UTC)
        if self._degraded is not None:
            _log.info("rules_read_again", degraded_since=self._degraded.since.isoformat())
        self._degraded = None
        return True

    @property
    def snapshot(self) -> Snapshot:
        """The served rules. Raises RulesUnavailable while they could never be read.

        Then it tries to read them itself, once every few seconds at most.
        """
        return self.snapshot_of(self._namespace)

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of `namespaces`; raises as `snapshot` does."""
        snapshots = self._snapshots or self._first_snapshots()
        if not snapshots:
            raise RulesUnavailable(self._degraded.reason if self._degraded else "not read yet")
        return snapshots[namespace]

    def _first_snapshots(self) -> Mapping[str, Snapshot]:
        with self._refreshing:
            # Another thread may have read them while this one waited for the lock.
            if not self._snapshots and self._may_try():
                self._refresh()
            return self._snapshots

    def look_again(self) -> bool:
        """Read the chains before their time, for someone who misses one.

        False if nothing new was read: because of the database, or because that was tried within
        the last few seconds (names that do not exist must not become a load on the database).
        """
        with self._refreshing:
            return self._may_try() and self._refresh()

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= RETRY_SECONDS

    @property
    def status(self) -> RuleStatus:
        """How current the served rules are."""
        snapshot = self._snapshots.get(self._namespace)
        tenants = snapshot.tenants if snapshot else frozenset()
        return RuleStatus(
            application=self._application,
            namespace=self._namespace,
            chains=sum(len(snapshot.chains(t)) for t in tenants) if snapshot else 0,
            tenants=len(tenants),
            refreshed_at=self._refreshed_at,
            degraded=self._degraded,
        )
