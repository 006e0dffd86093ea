"""A queue with a thread that writes it into one store, in batches, whatever happens to the store.

For the writer, which has one lane per store, so that neither waits for the other. A store that is
down costs memory up to the queue's capacity. What the changes mean is not known here.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final

import structlog

from activities.mirror.backlog import Backlog
from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.store import Store, Verdict

FIRST_DELAY: Final = 0.05
LAST_DELAY: Final = 5.0
QUIET_COLLISIONS: Final = 10
"""So many collisions in a row are two writers' daily business; more are an outage."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneStats:
    """What a lane has done and has yet to do, counted in changes.

    `dropped` also counts the single rows that the store refused for good.
    """

    queued: int
    written: int
    dropped: int
    failing_since: datetime | None


class Lane:
    """Writes changes behind the back of those who report them.

    Collects for `interval` seconds, or until `batch` changes wait or someone flushes. While the
    store does not answer, the queue is kept and the write repeated with back-off.
    """

    def __init__(self, store: Store, *, capacity: int, batch: int, interval: float) -> None:
        self._store = store
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
                name = f"mirror-{self._store.name}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def put(self, change: Change) -> None:
        """Report a change. Never waits for the store and never fails."""
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

    def close_soon(self, timeout: float) -> None:
        """Write what waits, for at most `timeout` seconds from now; does not wait for it."""
        with self._changed:
            self._deadline = monotonic() + timeout
            self._changed.notify_all()

    def join(self) -> bool:
        """Wait for the end that `close_soon` has announced; False if something was left."""
        if self._thread is not None and self._deadline is not None:
            self._thread.join(max(self._deadline - monotonic(), 0))
        left = self.stats.queued
        if left:
            _log.error("mirror_closed_with_changes_left", left=left, store=self._store.name)
        return not left

    @property
    def stats(self) -> LaneStats:
        """A consistent look at the counters."""
        with self._changed:
            return LaneStats(
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
        """Write, again and again while the store is down; False when closing cut it short."""
        delay, collisions = FIRST_DELAY, 0
        while True:
            try:
                self._write(batch)
            # Reason: this thread must outlive whatever a driver may raise, or mirroring stops.
            except Exception as error:  # noqa: BLE001
                if self._store.judge(error) is Verdict.COLLIDED and collisions < QUIET_COLLISIONS:
                    collisions += 1
                    continue
                if not self._wait_after(error, delay):
                    return False
                delay = min(delay * 2, LAST_DELAY)
            else:
                self._recovered()
                return True

    def _write(self, batch: Batch) -> None:
        try:
            self._store.write(batch)
        # Reason: what is no outage is a row that will never be accepted, whatever it raises.
        except Exception as error:
            if self._store.judge(error) is not Verdict.REFUSED:
                raise
            self._write_singly(batch)

    def _write_singly(self, batch: Batch) -> None:
        """Something in the batch is refused for good: write the rest, drop that."""
        for single in batch.single():
            try:
                self._store.write(single)
            # Reason: as above; the row is named in the log and counted as dropped.
            except Exception as error:
                if self._store.judge(error) is not Verdict.REFUSED:
                    raise
                with self._changed:
                    self._refused += 1
                _log.error(
                    "mirror_row_refused",
                    rows=single.keys(),
                    store=self._store.name,
                    error=str(error)[:500],
                )

    def _wait_after(self, error: Exception, delay: float) -> bool:
        with self._changed:
            if self._failing_since is None:
                self._failing_since = datetime.now(UTC)
                _log.error(f"mirror_{self._store.name}_down", error=str(error)[:500])
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
            _log.info(f"mirror_{self._store.name}_back", down_since=since.isoformat())


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
