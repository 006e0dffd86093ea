"""Components that wait at a door until a test opens it; for tests of what happens meanwhile.

A door belongs to one execution and is known by its id. They run in the test's own process.
"""

import asyncio
from dataclasses import dataclass, field

from activities.component import Refused, Undo, component


@dataclass
class Door:
    """A place where a component says that it is there, and waits."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        self.reached.set()
        await self.opened.wait()


DOORS: dict[str, Door] = {}


@component("first", compensate="undoFirst")
async def first() -> str:
    return "first"


@component("undoFirst")
async def undo_first(undo: Undo[str]) -> None:
    if undo.execution_id in DOORS and undo.execution_id.startswith("undo"):
        await DOORS[undo.execution_id].wait()


@component("slow", compensate="undoSlow")
async def slow(request: str) -> str:
    await DOORS[request].wait()
    return "slow"


@component("undoSlow")
async def undo_slow() -> None:
    return None


@component("later", compensate="undoLater")
async def later() -> None:
    return None


@component("undoLater")
async def undo_later() -> None:
    return None


@component("refuses")
async def refuses() -> None:
    raise Refused("as asked")
