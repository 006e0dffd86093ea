"""Clocks of the in-memory runtime: the real one, and a virtual one on which waiting is free.

For simulation and tests. Nothing here knows chains.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar

T = TypeVar("T")

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present moment, with zone."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class VirtualClock:
    """The running event loop's own time, counted from a fixed moment."""

    def now(self) -> datetime:
        """The loop's time as a moment in UTC."""
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())


class _LeapingSelector(selectors.DefaultSelector):
    """Moves the loop's time on instead of waiting. Never used with threads, which would be late."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for what never comes, and no timer is set")
        if not ready and timeout is not None and timeout > 0:
            # A step too small for a float this large would not move it.
            self.leapt += max(timeout, 1e-6)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which sleeps and time-outs cost nothing, and come by their times."""

    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds of virtual time since the loop began."""
        return self._leaping.leapt


def run_virtual(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine to its end on virtual time."""
    found: list[T] = []

    # A task with a result would be printed, however large that is, when Python's runner looks at
    # its signal handler.
    async def hold() -> None:
        found.append(await main)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(hold())
    return found[0]
