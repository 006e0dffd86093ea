"""The chain's own time limit: a timer that stands still while a person decides and while undoing.

For the saga. Never Temporal's execution timeout, which would run no code (design section 5).
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from rules.execution import Status
from rules.wire import SagaState
from workflows.runtime import Runtime


class ChainLimit:
    """Counts the seconds that a saga is RUNNING, over all runs; calls `fire` at the end."""

    def __init__(
        self,
        seconds: float | None,
        state: SagaState,
        runtime: Runtime,
        fire: Callable[[], None],
    ) -> None:
        self._seconds = seconds
        self._state = state
        self._runtime = runtime
        self._fire = fire
        self._since: datetime | None = None
        self._turned: asyncio.Future[None] | None = None
        if seconds is not None and state.status is Status.RUNNING:
            self._since = runtime.now()

    def turn(self, status: Status) -> None:
        """The saga's status changes: the clock stops, or goes on."""
        if self._seconds is None:
            return
        self.stop()
        self._since = self._runtime.now() if status is Status.RUNNING else None
        if self._turned is not None and not self._turned.done():
            self._turned.set_result(None)

    def stop(self) -> None:
        """Keep what has been spent so far."""
        if self._since is not None:
            self._state.spent += (self._runtime.now() - self._since).total_seconds()
            self._since = None

    async def watch(self) -> None:
        """Wait for the end of the time, until cancelled."""
        assert self._seconds is not None
        while True:
            self._turned = asyncio.Future()
            moment = None
            if self._since is not None:
                moment = self._since + timedelta(seconds=self._seconds - self._state.spent)
            turned = await self._runtime.until(self._turned, moment, "limit of the chain")
            if not turned:
                self._fire()
                return
