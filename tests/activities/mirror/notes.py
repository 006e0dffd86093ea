"""Components for sagas that are ended from outside: one that waits, one that is refused."""

import asyncio

from activities.component import Refused, Step, Undo, component


@component("takeNote", compensate="eraseNote")
async def take_note(step: Step) -> str:
    return step.execution_id


@component("eraseNote")
async def erase_note(undo: Undo[str]) -> None:
    return


@component("refuseNote", read_only=True)
async def refuse_note() -> None:
    raise Refused("no more notes")


@component("waitLong", compensate="eraseNote")
async def wait_long() -> None:
    await asyncio.Event().wait()
