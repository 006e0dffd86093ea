"""The world of the random sagas: a ledger into which their components write what they do.

It counts effects and undos by idempotency key, as a database behind the components would. It knows
nothing of stacks and statuses; the promises compare those with it. One ledger per execution.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Final, Literal, NamedTuple

from pydantic import JsonValue

from activities.component import Refused, Step, Undo, component
from rules.plan import Kind
from tests.property.sagas.chains import CHOOSES, CONDITIONS, COUNTS, ITERATES, LAST, STEPS
from tests.property.sagas.script import Script

What = Literal["begin", "effect", "answer", "end", "undo", "undid", "undone", "undo ends"]


class Event(NamedTuple):
    """Something that a component did; forward up to `end`, the others backward."""

    what: What
    path: str


class Ledger:
    """What the components of one execution did, in order, and what is left of it.

    `effects` are the keys by path under which a step took effect, `standing` those not undone.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.events: list[Event] = []
        self.calls: Counter[str] = Counter()
        self.undo_calls: Counter[str] = Counter()
        self.effects: dict[str, set[str]] = {}
        self.standing: dict[str, str] = {}
        self._undone: set[str] = set()

    def note(self, what: What, path: str) -> None:
        self.events.append(Event(what, path))

    async def accessible(self, step: Step) -> bool:
        return self.script.act(step, self.calls[step.path] + 1) != "absent"

    async def forward(self, step: Step) -> JsonValue:
        path = step.path
        self.calls[path] += 1
        act = self.script.act(step, self.calls[path])
        self.note("begin", path)
        try:
            await asyncio.sleep(self.script.takes(path))
            if act == "refuse":
                raise Refused("refused as scripted")
            if act == "early":
                raise ConnectionError("lost before anything happened")
            self._take_effect(step)
            if act == "error":
                raise ConnectionError("lost after it happened")
            if act == "hang":
                await asyncio.sleep(self.script.silence)
                raise AssertionError("the time-out comes first")
            if act == "end":
                step.end()
            self.note("answer", path)
            return self.script.answer(step)
        finally:
            self.note("end", path)

    def _take_effect(self, step: Step) -> None:
        self.note("effect", step.path)
        keys = self.effects.setdefault(step.path, set())
        if step.key not in keys:
            keys.add(step.key)
            self.standing[step.key] = step.path

    async def backward(self, undo: Undo[JsonValue]) -> None:
        path = undo.path
        self.undo_calls[path] += 1
        act = self.script.undo_act(path, self.undo_calls[path])
        self.note("undo", path)
        try:
            await asyncio.sleep(self.script.takes(f"{path}!"))
            if act == "refuse":
                raise Refused("not undone, as scripted")
            if undo.key not in self._undone:
                self._undone.add(undo.key)
                self.standing.pop(undo.forward_key, None)
            self.note("undid", path)
            if act == "error":
                raise ConnectionError("lost after it was undone")
            if act == "hang":
                await asyncio.sleep(self.script.silence)
                raise AssertionError("the time-out comes first")
            self.note("undone", path)
        finally:
            self.note("undo ends", path)


LEDGERS: Final[dict[str, Ledger]] = {}
"""By execution; a test puts one in before it starts the saga."""


async def _accessible(step: Step) -> bool:
    return await LEDGERS[step.execution_id].accessible(step)


def _make(id: str, kind: Kind) -> Callable[[Step], Coroutine[object, object, JsonValue]]:
    @component(id, kind=kind, compensate="undo", access=_accessible)
    async def act(step: Step) -> JsonValue:
        return await LEDGERS[step.execution_id].forward(step)

    return act


@component("undo")
async def undo(undo: Undo[JsonValue]) -> None:
    await LEDGERS[undo.execution_id].backward(undo)


@component(LAST)
async def last() -> None:
    raise Refused("the chain ends here")


ALL: Final[tuple[Callable[..., object], ...]] = (
    undo,
    last,
    *(_make(id, "common") for id in STEPS),
    *(_make(id, "boolean") for id in CONDITIONS),
    *(_make(id, "switch") for id in CHOOSES),
    _make(COUNTS, "for"),
    _make(ITERATES, "iterator"),
)
