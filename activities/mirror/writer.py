"""The mirror's writer: a thread that takes reports off everyone's hands and writes them in batches.

For the worker and the API. Reporting costs the caller an append; a database that is down costs
memory up to the queue's capacity and never an execution. What the changes mean is not known here.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from activities.mirror.backlog import Backlog
from activities.mirror.batch import Batch
from activities.mirror.changes import Change

FIRST_DELAY: Final = 0.05
LAST_DELAY: Final = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What the writer has done and has yet to do, counted in changes.

    `dropped` also counts the single rows that the database refused for good.
    """

    queued: int
    written: int
    dropped: int
    failing_since: datetime | None


class MirrorWriter:
    """Writes changes behind the back of those who report them.

    Collects for `interval` seconds, or until `batch` changes wait or someone flushes. While the
    database does not answer, the queue is kept and the write repeated with back-off.
    """

    def __init__(
        self, engine: Engine, *, capacity: int = 10_000, batch: int = 500, interval: float = 0.05
    ) -> None:
        self._engine = engine
        self._batch = batch
        self._interval = interval
        self._changed = threading.Condition()
        # All below is guarded by the condition's lock.
        self._queue = Backlog(capacity)
        self._in_hand = 0
        self._in_hand_ticket: int | None = None
        self._written = 0
        self._refused = 0
        self._failing_since: datetime | None = None
        self._hurry = False
        self._deadline: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, once; the first report does it too."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="mirror-writer", daemon=True)
                self._thread.start()

    def put(self, change: Change) -> None:
        """Report a change. Never waits for the database and never fails."""
        if self._thread is None:
            self.start()
        with self._changed:
            self._queue.put(change)
            # The thread sleeps through the changes that only fill a batch.
            if len(self._queue) in (1, self._batch):
                self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put before is written; False if it was not, or was dropped."""
        with self._changed:
            ticket, lost = self._queue.last_ticket, self._lost()
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: self._oldest_ticket() > ticket, timeout)
            return done and self._lost() == lost

    def close(self, timeout: float) -> bool:
        """Write what waits, for at most `timeout` seconds; False if something was left."""
        with self._changed:
            self._deadline = monotonic() + timeout
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        left = self.stats.queued
        if left:
            _log.error("mirror_closed_with_changes_left", left=left)
        return not left

    @property
    def stats(self) -> WriterStats:
        """A consistent look at the counters."""
        with self._changed:
            return WriterStats(
                queued=len(self._queue) + self._in_hand,
                written=self._written,
                dropped=self._lost(),
                failing_since=self._failing_since,
            )

    def _lost(self) -> int:
        return self._queue.dropped + self._refused

    def _oldest_ticket(self) -> int:
        waiting = self._queue.oldest_ticket()
        return waiting if self._in_hand_ticket is None else min(waiting, self._in_hand_ticket)

    def _run(self) -> None:
        while changes := self._next_changes():
            batch, refused = _coalesce(changes)
            if not self._write_until_done(batch):
                return
            with self._changed:
                self._written += self._in_hand - refused
                self._refused += refused
                self._in_hand, self._in_hand_ticket = 0, None
                self._changed.notify_all()

    def _next_changes(self) -> list[Change]:
        """Wait for changes; empty when closing with nothing left."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._queue) or self._deadline is not None)
            self._changed.wait_for(self._should_write, self._interval)
            self._in_hand_ticket = self._queue.oldest_ticket()
            changes = self._queue.take(self._batch)
            self._in_hand = len(changes)
            if not len(self._queue):
                self._hurry = False
            return changes

    def _should_write(self) -> bool:
        full = len(self._queue) >= self._batch
        return full or self._hurry or self._deadline is not None

    def _write_until_done(self, batch: Batch) -> bool:
        """Write, again and again while the database is down; False when closing cut it short."""
        delay = FIRST_DELAY
        while True:
            try:
                self._write(batch)
            # Reason: this thread must outlive whatever a driver may raise, or mirroring stops.
            except Exception as error:  # noqa: BLE001
                if not self._wait_after(error, delay):
                    return False
                delay = min(delay * 2, LAST_DELAY)
            else:
                self._recovered()
                return True

    def _write(self, batch: Batch) -> None:
        try:
            with self._engine.begin() as connection:
                batch.write(connection)
        # Reason: what is no outage is a row that will never be accepted, whatever it raises.
        except Exception as error:
            if _is_outage(error):
                raise
            self._write_singly(batch)

    def _write_singly(self, batch: Batch) -> None:
        """Something in the batch is refused for good: write the rest, drop that."""
        for single in batch.single():
            try:
                with self._engine.begin() as connection:
                    single.write(connection)
            # Reason: as above; the row is named in the log and counted as dropped.
            except Exception as error:
                if _is_outage(error):
                    raise
                with self._changed:
                    self._refused += 1
                _log.error("mirror_row_refused", rows=single.keys(), error=str(error)[:500])

    def _wait_after(self, error: Exception, delay: float) -> bool:
        with self._changed:
            if self._failing_since is None:
                self._failing_since = datetime.now(UTC)
                _log.error("mirror_database_down", error=str(error)[:500])
            if self._deadline is None:
                self._changed.wait_for(lambda: self._deadline is not None, delay)
                return True
            # Closing: the deadline bounds the waiting, and nothing else can end it.
            self._changed.wait(delay)
            return monotonic() < self._deadline

    def _recovered(self) -> None:
        with self._changed:
            since, self._failing_since = self._failing_since, None
        if since is not None:
            _log.info("mirror_database_back", down_since=since.isoformat())


def _coalesce(changes: list[Change]) -> tuple[Batch, int]:
    batch, refused = Batch(), 0
    for change in changes:
        try:
            batch.add(change)
        # Reason: one malformed report must cost no other one; it is counted and logged.
        except Exception as error:  # noqa: BLE001
            refused += 1
            _log.error("mirror_change_refused", error=str(error)[:500])
    return batch, refused


def _is_outage(error: Exception) -> bool:
    """Whether the same write may succeed later: no connection, no table yet, a lock, a deadlock."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError)
