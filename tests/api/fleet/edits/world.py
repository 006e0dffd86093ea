"""The world outside of the sagas under edits: one component, whose calls and effects are counted.

Named by the setting `components` of these tests' processes. A request names the last letters of
tags: the step that refuses, and the one that waits until its saga is let go.
"""

import asyncio
import os
from pathlib import Path

from pydantic import BaseModel

from activities.component import Refused, Step, Undo, component, seconds
from tests.api.waiting import until_true
from tests.outages.world import FOLDER, World

LIMIT = 90.0


class Play(BaseModel):
    """What a saga's steps do; what is not named simply works."""

    refuses: str | None = None
    waits: str | None = None


def _world() -> World:
    return World(Path(os.environ[FOLDER]))


@component("mark", compensate="unmark", timeout=seconds(LIMIT))
async def mark(request: Play, step: Step) -> str:
    """Leave a mark, which the tag names."""
    world, tag = _world(), step.tag or ""
    place = tag.rpartition("-")[2]
    await asyncio.to_thread(world.call, step.execution_id, tag, "do", step.key)
    if place == request.waits:
        door = world.door(step.execution_id, "open")
        await until_true(door.exists, LIMIT, "the saga to be let go")
    if place == request.refuses:
        raise Refused(f"{tag} refuses", code="AS_SCRIPTED")
    await asyncio.to_thread(world.effect, step.execution_id, tag, "do", step.key)
    return tag


@component("unmark")
async def unmark(undo: Undo[str]) -> None:
    """Take the mark away."""
    world, tag = _world(), undo.tag or ""
    await asyncio.to_thread(world.call, undo.execution_id, tag, "undo", undo.key)
    await asyncio.to_thread(world.effect, undo.execution_id, tag, "undo", undo.key)
