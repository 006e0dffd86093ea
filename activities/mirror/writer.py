"""The mirror's writer: takes reports off everyone's hands and writes them to SQL and to Redis.

For the worker and the API. Reporting costs the caller an append. Each store has a lane with its
own queue and thread, so one that is down holds up neither the other nor any execution.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from activities.mirror.changes import Change
from activities.mirror.hot import HotState
from activities.mirror.lane import Lane, LaneStats
from activities.mirror.store import SqlStore, Store


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What was and is yet to be written to SQL; `hot` is Redis' part, None without Redis.

    `dropped` also counts the single rows that the database refused for good.
    """

    queued: int
    written: int
    dropped: int
    failing_since: datetime | None
    hot: LaneStats | None = None


class MirrorWriter:
    """Writes changes behind the back of those who report them; see `Lane` for its parameters."""

    def __init__(
        self,
        engine: Engine,
        hot: HotState | None = None,
        *,
        capacity: int = 10_000,
        batch: int = 500,
        interval: float = 0.05,
    ) -> None:
        stores: list[Store] = [SqlStore(engine), *([hot] if hot else [])]
        self._lanes = [
            Lane(store, capacity=capacity, batch=batch, interval=interval) for store in stores
        ]

    def start(self) -> None:
        """Start the threads, once; the first report does it too."""
        for lane in self._lanes:
            lane.start()

    def put(self, change: Change) -> None:
        """Report a change. Never waits for a store and never fails."""
        for lane in self._lanes:
            lane.put(change)

    def flush(self, timeout: float) -> bool:
        """Wait until SQL has all that was put before; False if it has not, or it was dropped.

        Redis is not waited for: readers never prefer what it does not have yet.
        """
        return self._lanes[0].flush(timeout)

    def close(self, timeout: float) -> bool:
        """Write what waits, for at most `timeout` seconds; False if SQL was left without some."""
        for lane in self._lanes:
            lane.close_soon(timeout)
        left = [lane.join() for lane in self._lanes]
        return left[0]

    @property
    def stats(self) -> WriterStats:
        """A look at the counters, consistent for each store."""
        sql, *others = [lane.stats for lane in self._lanes]
        return WriterStats(
            queued=sql.queued,
            written=sql.written,
            dropped=sql.dropped,
            failing_since=sql.failing_since,
            hot=others[0] if others else None,
        )
