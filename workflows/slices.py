"""Keeps what one workflow task schedules within one message to Temporal's server.

For the Temporal runtime: steps that start side by side start in slices, a workflow task each.
Commands with more than 4 MB would fail the task again and again. Counts bytes only.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from rules.sizes import UNDO_INPUT_LIMIT

SLICE_LIMIT: Final = UNDO_INPUT_LIMIT
"""Whatever may be sent at all fits a slice."""


class Slices:
    """Counts what is scheduled until it is known that a workflow task has taken it along.

    That is known when something scheduled later, or with it, has ended: the same in a replay.
    `pause` ends in a later workflow task.
    """

    def __init__(self, pause: Callable[[], Awaitable[None]]) -> None:
        self._pause = pause
        self._scheduled = 0
        self._taken = 0
        self._next: asyncio.Task[None] | None = None

    async def enter(self, size: int) -> int:
        """Wait until `size` bytes fit the present slice; gives back the mark to `leave` with."""
        while self._scheduled > self._taken and self._open() + size > SLICE_LIMIT:
            if self._next is None:
                self._next = asyncio.create_task(self._turn(self._scheduled))
            await asyncio.shield(self._next)
        self._scheduled += size
        return self._scheduled

    def leave(self, mark: int) -> None:
        """What entered up to `mark` is taken: something of it has ended."""
        self._taken = max(self._taken, mark)

    def _open(self) -> int:
        return self._scheduled - self._taken

    async def _turn(self, mark: int) -> None:
        await self._pause()
        self._next = None
        self.leave(mark)
