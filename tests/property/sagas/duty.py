"""The operator on duty in a random saga: answers whatever waits for a person, sooner or later.

Drawn from the seed, and the same on both runtimes. What it says may be wrong; every undo that is
blocked is left in the end.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from random import Random
from typing import Final, NamedTuple

from pydantic import JsonValue

from rules.decisions import Waiting
from tests.property.sagas.cases import Act, RandomSaga

MOST_TRIES: Final = 3
PATIENCE: Final = 12.0
"""Units after which an answer that has changed nothing is followed by another one."""


class Signal(NamedTuple):
    """A decision as it is sent."""

    kind: str
    payload: dict[str, JsonValue]


class Duty:
    """Looks at what waits, from time to time."""

    def __init__(self, saga: RandomSaga) -> None:
        self._saga = saga
        self._unit = saga.pace.unit
        self._tries: dict[str, int] = {}
        self._answered: dict[str, tuple[datetime, datetime]] = {}

    def look(self, waiting: Iterable[Waiting], now: datetime) -> Iterator[Signal]:
        """What to say now."""
        for wait in list(waiting):
            if wait.person and wait.answer is None:
                yield from self._answer(wait, now)

    def _answer(self, wait: Waiting, now: datetime) -> Iterator[Signal]:
        since, at = self._answered.get(wait.path, (None, now))
        if since == wait.since and (now - at).total_seconds() < PATIENCE * self._unit:
            return
        number = self._tries.get(wait.path, 0)
        chance = Random(f"{self._saga.seed}/duty/{wait.path}/{number}")
        delay = chance.choice((0.0, 2.0, 9.0)) * self._unit
        if (now - wait.since).total_seconds() < delay:
            return
        self._tries[wait.path] = number + 1
        self._answered[wait.path] = (wait.since, now)
        undo = wait.path.endswith("!")
        action = self._undo_action(chance, number) if undo else self._action(chance)
        if action is not None:
            yield self._signal(wait, action, chance, undo=undo)

    def _action(self, chance: Random) -> str | None:
        """None leaves it to the deadline."""
        return chance.choices(("retry", "skip", "compensate", None), (45, 25, 8, 22))[0]

    def _undo_action(self, chance: Random, number: int) -> str:
        return "skip" if number >= MOST_TRIES else chance.choice(("retry", "retry", "skip"))

    def _signal(self, wait: Waiting, action: str, chance: Random, *, undo: bool) -> Signal:
        payload: dict[str, JsonValue] = {"step": wait.path.removesuffix("!"), "operator": "duty"}
        if action == "skip" and not undo:
            payload["output"] = self._saga.script.answer_of(wait.component, wait.path)
        if action == "compensate":
            payload["in_flight"] = chance.choice(("await", "cancel"))
        if chance.random() < 0.3:
            return Signal("manual_decision", {**payload, "action": action})
        return Signal(action, payload)


def signal_of(act: Act) -> Signal:
    """What an operator does unasked, but for a cancel."""
    payload: dict[str, JsonValue] = {"operator": "unasked", "in_flight": act.in_flight}
    if act.step is not None:
        payload["step"] = act.step
    return Signal(act.kind, payload)
