"""A heartbeat for activities whose work goes on in threads and calls.

For the jobs' activities. It says that this worker lives, with the progress that was told last;
what the work waits for has time-outs of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from pydantic import BaseModel
from temporalio import activity

EVERY_SECONDS: Final = 5.0

Tell = Callable[[BaseModel], None]


@asynccontextmanager
async def beating() -> AsyncIterator[Tell]:
    """Beats until the work is done; what it yields takes the progress."""
    progress: list[BaseModel] = []

    def tell(done: BaseModel) -> None:
        progress[:] = [done]
        activity.heartbeat(done)

    async def beat() -> None:
        while True:
            activity.heartbeat(*progress)
            await asyncio.sleep(EVERY_SECONDS)

    beats = asyncio.create_task(beat())
    try:
        yield tell
    finally:
        beats.cancel()
