"""The rule source: reads chains and edited policies from where they are, and serves snapshots.

For the API and the worker. A database or a folder that is away leaves the last snapshot serving
and the source degraded; a chain that does not compile leaves its last good version serving. Who
polls, and how often, is the poller's matter.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from time import monotonic
from typing import Final, Literal

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from rules.errors import RulesUnavailable
from rules.plan import ComponentPolicy
from rules.scripts import NO_ENGINES, Engines
from rules.source.chains import TenantChains
from rules.source.deployment import Deployments
from rules.source.keeping import Touched
from rules.source.lock import RefreshLock
from rules.source.naming import RuleNames
from rules.source.notices import quarantined, tell_quarantine
from rules.source.origin import Origin
from rules.source.plans import MOST_PLANS, Plans
from rules.source.quarantine import failing, settle
from rules.source.reading import USUAL, Changed, Everything, RuleReader
from rules.source.revision import Stand
from rules.source.served import (
    Served,
    changes_of,
    first_served,
    next_served,
    rows_before,
    settled,
)
from rules.source.snapshot import Snapshot
from rules.source.status import (
    NOTHING_YET,
    Degraded,
    Observer,
    Quarantined,
    RefreshReport,
    RuleStatus,
)
from rules.source.turns import TURN_SECONDS, Turns

RETRY_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 2.0
"""How long someone who misses a chain waits for other instances."""
_UNREAD: Final = (SQLAlchemyError, OSError)

_log = structlog.get_logger(__name__)


class RuleSource:
    """The chains of one application and namespace, for all tenants.

    `components` are those that this deployment serves, `engines` run scripts; `when_max_wait` is
    the limit, in milliseconds, of a WHEN that says none itself. Of the namespaces in `further`, the
    chains are served that a route chooses; these may include and extend chains of the first one.
    At most `most_plans` chains are kept compiled. Read is from `origin`; unless one is given, from
    the engine's tables, which have these `names`. Where instances share a `lock`, they read one at
    a time what nobody waits for; who is told to read, and the poller, ask for `turns`.
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
        names: RuleNames = USUAL,
        most_plans: int = MOST_PLANS,
        origin: Origin | None = None,
        observer: Observer | None = None,
        clock: Callable[[], float] = monotonic,
        engines: Engines = NO_ENGINES,
        lock: RefreshLock | None = None,
    ) -> None:
        self.engine: Final = engine
        self.turns: Final = Turns(lock)
        self.namespaces: Final = tuple(dict.fromkeys((namespace, *further)))
        self._reader: Origin = origin or RuleReader(engine, application, self.namespaces, names)
        self._application = application
        self._namespace = namespace
        self._deployments = Deployments(components, when_max_wait, engines=engines)
        self._plans = Plans(most_plans)
        self._observer = observer
        self._clock = clock
        self._refreshing = threading.RLock()
        self._served: Served | None = None
        self._refreshed_at: datetime | None = None
        self._changed_at: datetime | None = None
        self._degraded: Degraded | None = None
        self._tried_at: float | None = None
        self._last: RefreshReport | None = None
        self._tally = NOTHING_YET

    def refresh(self) -> bool:
        """Read all rules, and swap the snapshot; False if the old one must serve on."""
        with self._refreshing:
            return self._look(everything=True)

    def poll(self, *, keep: bool = True) -> bool:
        """Read what has changed since the last time; nothing costs one query. False as above.

        What was changed in the database itself becomes a version first. Who must not write now says
        so; if there is such a change, nothing is read, and it is False.
        """
        with self._refreshing:
            return self._look(keep=keep)

    def read_in_turn(self, *, everything: bool = False, within: float = TURN_SECONDS) -> bool:
        """`refresh` or `poll` for who is told to, as all are: one instance at a time.

        False also if others were at it for so many seconds; then the poller reads it after them.
        """
        with self.turns.taken(within) as mine:
            if mine:
                return self.refresh() if everything else self.poll()
        self.turns.owe("everything" if everything else "changes")
        return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else of this process reads meanwhile.

        For who locks the rules in the database: to read may mean to write versions, under that
        lock, so this comes first.
        """
        with self._refreshing:
            yield

    def stale(self) -> bool:
        """Whether a poll would find something; one query, and nothing is read. Never raises."""
        served = self._served
        if served is None:
            return True
        with self._refreshing:
            started = self._clock()
            try:
                found = self._reader.moved(served.stand)
            except _UNREAD as error:
                self._fail(error, started)
                return False
            if not found:
                self._read(RefreshReport("idle", self._clock() - started))
            return found

    def _look(self, *, everything: bool = False, keep: bool = True, also: int = 0) -> bool:
        """Read and swap; `also` so many rows were found changed by the look before."""
        self._tried_at = started = self._clock()
        before = self._served
        if before is None and not keep:
            # The first reading keeps what nobody looked at so far.
            return False
        try:
            read = self._ask(None if everything or before is None else before.stand, keep=keep)
            found = Touched() if before is None or read is None else changes_of(before, read)
            changes = self._versions(before, found, keep=keep)
            if changes is None:
                return False
            after, number = self._after(before, read, changes)
        except _UNREAD as error:
            self._fail(error, started)
            return False
        self._served = after
        if before is not None and after is not None:
            tell_quarantine(before, after)
        number += also
        if changes != found:
            # To number rows is a change, too, for which nobody shall wait until the next poll.
            return self._look(also=number) or True
        report = RefreshReport("idle", self._clock() - started, number, everything)
        self._read(replace(report, outcome="changed") if number or before is None else report)
        return True

    def _ask(self, since: Stand | None, *, keep: bool) -> Everything | Changed | None:
        read = self._reader.everything() if since is None else self._reader.changes(since)
        return self._reader.numbered(read) if keep and isinstance(read, Everything) else read

    def _versions(self, before: Served | None, found: Touched, *, keep: bool) -> Touched | None:
        """The changes, each of which is a version now; None if one must not become it.

        Raises SQLAlchemyError.
        """
        if before is None or not found:
            return found
        were = rows_before(before, found)
        if keep:
            return self._reader.keep(found, were)
        return None if self._reader.unkept(found, were) else found

    def _after(
        self, before: Served | None, read: Everything | Changed | None, changes: Touched
    ) -> tuple[Served | None, int]:
        """What is served next, and how many chains differ. Raises SQLAlchemyError, since earlier
        versions may be wanted; then nothing has changed.
        """
        if before is not None:
            if read is None:
                return before, 0
            return next_served(before, read, changes, self._reader.earlier)
        assert isinstance(read, Everything), "who asks without a stand gets everything"
        first = first_served(read, self._deployments, self._plans)
        return first, sum(one.size for one in first.snapshots.values())

    def _fail(self, error: Exception, started: float) -> None:
        # The driver's own words, without the statement that it was given.
        self._degrade(str(getattr(error, "orig", None) or error))
        self._report(RefreshReport("failed", self._clock() - started))

    def _degrade(self, why: str) -> None:
        reason, before = why[:500], self._degraded
        since = before.since if before else datetime.now(UTC)
        self._degraded = Degraded(reason=reason, since=since)
        _log.error("rules_not_read", serving_old=self._served is not None, error=reason)

    def _read(self, report: RefreshReport) -> None:
        self._refreshed_at = datetime.now(UTC)
        if problems := "; ".join(self._reader.problems):
            if self._degraded is None or self._degraded.reason != problems[:500]:
                self._degrade(problems)
        elif self._degraded is not None:
            _log.info("rules_read_again", degraded_since=self._degraded.since.isoformat())
            self._degraded = None
        if report.outcome == "changed":
            self._changed_at = self._refreshed_at
            _log.info("rules_changed", chains=report.changed, seconds=round(report.seconds, 3))
        self._report(report)

    def _report(self, report: RefreshReport) -> None:
        self._last, self._tally = report, self._tally.after(report)
        if self._observer is not None:
            self._observer.refreshed(report)

    @property
    def snapshot(self) -> Snapshot:
        """The served rules. Raises RulesUnavailable while they could never be read.

        Then it tries to read them itself, once every few seconds at most.
        """
        return self.snapshot_of(self._namespace)

    def snapshot_of(self, namespace: str) -> Snapshot:
        """The served rules of one of `namespaces`; raises as `snapshot` does."""
        served = self._served or self._first_served()
        if served is None:
            raise RulesUnavailable(self._degraded.reason if self._degraded else "not read yet")
        return served.snapshots[namespace]

    def _first_served(self) -> Served | None:
        with self._in_time() as mine:
            # Another thread may have read them while this one waited for its turn.
            if mine and self._served is None and self._may_try():
                self._look()
            return self._served

    def look_again(self) -> bool:
        """Read what has changed before its time, for someone who misses a chain.

        False if nothing was read: because of the database, or because that was tried within the
        last few seconds (names that do not exist must not become a load on the database).
        """
        if not self._may_try():
            return False
        with self.turns.taken(LOOK_SECONDS) as turn:
            if turn:
                with self._in_time() as mine:
                    return mine and self._may_try() and self._look()
        self._tried_at = self._clock()
        self.turns.owe("changes")
        return False

    @contextmanager
    def _in_time(self) -> Iterator[bool]:
        """The right to read, unless somebody else waits long for a slow database."""
        mine = self._refreshing.acquire(timeout=RETRY_SECONDS)
        try:
            yield mine
        finally:
            if mine:
                self._refreshing.release()

    def _may_try(self) -> bool:
        return self._tried_at is None or self._clock() - self._tried_at >= RETRY_SECONDS

    def recover(self, namespace: str, tenant: str) -> bool:
        """Try all chains of a tenant, for someone who met one that does not compile.

        False if they were tried before: then nothing better than the snapshot's is known.
        """
        with self._in_time() as mine:
            served = self._served
            chains = served.snapshots[namespace].tenant(tenant) if mine and served else None
            if chains is None or chains.settled:
                return False
            return self._settle(chains, failing(chains, chains.rows)) == "held"

    def try_some(self, most: int) -> bool:
        """Try the chains of some tenants, up to `most`; False when there is no sense in going on.

        So it becomes known what does not compile before somebody needs it. Without the database
        it ends early: of what does not compile, somebody may have kept an earlier version there.
        """
        for chains in islice(self._untried(), most):
            # Not under the lock: changes are more urgent.
            broken = failing(chains, chains.rows)
            with self._refreshing:
                if self._settle(chains, broken) == "unread":
                    return False
        return self.untried

    @property
    def untried(self) -> bool:
        """Whether there are tenants of whose chains nobody knows yet whether they compile."""
        return next(self._untried(), None) is not None

    def _untried(self) -> Iterator[TenantChains]:
        served = self._served
        if served is not None:
            for snapshot in served.snapshots.values():
                yield from snapshot.unsettled()

    def _settle(
        self, chains: TenantChains, broken: set[str]
    ) -> Literal["sound", "held", "outrun", "unread"]:
        before = self._served
        namespace, tenant = chains.scope
        if before is None or before.snapshots[namespace].tenant(tenant) is not chains:
            # They have changed meanwhile, and are tried again.
            return "outrun"

        stored = self._reader.earlier(namespace, tenant)
        try:
            # What serves in place of those that are held back already goes on serving.
            now = settle(chains, chains, broken, stored, settled=True)
        except _UNREAD as error:
            _log.error("versions_not_read", tenant=tenant, error=str(error)[:500])
            return "unread"
        now.carry_routes(chains)
        self._served = settled(before, now)
        tell_quarantine(before, self._served)
        return "held" if now.held else "sound"

    def clear(self) -> int:
        """Forget what is compiled; how many chains that were. They are compiled when asked for."""
        return self._plans.clear()

    def quarantined(self, tenant: str) -> tuple[Quarantined, ...]:
        """The tenant's chains that are held back, in all namespaces."""
        served = self._served
        return tuple(quarantined(served, tenant)) if served else ()

    @property
    def status(self) -> RuleStatus:
        """How current the served rules are."""
        served = self._served
        snapshot = served.snapshots[self._namespace] if served else None
        return RuleStatus(
            application=self._application,
            namespace=self._namespace,
            chains=snapshot.size if snapshot else 0,
            tenants=len(snapshot.tenants) if snapshot else 0,
            refreshed_at=self._refreshed_at,
            degraded=self._degraded,
            mode=self._reader.mode(served.stand) if served else None,
            revision=served.stand.revision if served else None,
            changed_at=self._changed_at,
            last=self._last,
            tally=self._tally,
            sha=served.sha if served else "",
            serving_sha=served.serving_sha if served else None,
            quarantined=tuple(quarantined(served)) if served else (),
            untried=sum(1 for _ in self._untried()),
            plans=len(self._plans),
        )
