"""What each step of a random saga does, drawn from its seed and its path alone.

So a step does the same on both runtimes and in every run, whatever ran before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from pydantic import JsonValue

from activities.component import Step
from tests.property.sagas.chains import CHOOSES, CONDITIONS, COUNTS, ITERATES, SILENT

# ok: done. refuse: nothing happened. early: nothing happened, and an error. error: done, and the
# answer is lost. hang: done, and no answer comes in time. absent: not accessible. end: done, and
# the flow is to end.
Act = Literal["ok", "refuse", "early", "error", "hang", "absent", "end"]

FAULTS: Final[tuple[tuple[Act, ...], ...]] = (
    ("refuse",),
    ("refuse",),
    ("error",),
    ("early",),
    ("refuse", "ok"),
    ("error", "ok"),
    ("refuse", "refuse", "ok"),
    ("error", "refuse"),
    ("refuse", "error", "ok"),
    ("early", "ok"),
    ("absent",),
    ("error", "absent"),
    ("end",),
)
SILENCES: Final[tuple[tuple[Act, ...], ...]] = (
    ("hang",),
    ("hang", "ok"),
    ("hang", "refuse"),
    ("refuse", "hang"),
)
# An undo is called until it answers, so silence is for once only.
UNDO_FAULTS: Final[tuple[tuple[Act, ...], ...]] = (
    ("refuse",),
    ("error",),
    ("refuse", "ok"),
    ("error", "ok"),
    ("hang", "ok"),
    ("refuse", "refuse", "refuse", "ok"),
    ("error", "refuse", "error", "ok"),
)
TAKES: Final = (0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 3.25, 5.0)


@dataclass(frozen=True, slots=True)
class Script:
    """The acts of one saga. `faulty` and `undo_faulty` are the likelihoods of a fault.

    `unit` is seconds, in which everything is counted; `silence` is longer than a time-out.
    """

    seed: int
    faulty: float
    undo_faulty: float
    unit: float
    silence: float

    def act(self, step: Step, call: int) -> Act:
        """What the component does when it is called for the `call`th time."""
        acts = self.acts(step.path, silent=step.component in SILENT)
        return acts[min(call, len(acts)) - 1]

    def acts(self, path: str, *, silent: bool) -> Sequence[Act]:
        chance = self._chance(path)
        if chance.random() >= self.faulty:
            return ("ok",)
        return chance.choice((*FAULTS, *SILENCES, *SILENCES) if silent else FAULTS)

    def undo_act(self, path: str, call: int) -> Act:
        acts = self.undo_acts(path)
        return acts[min(call, len(acts)) - 1]

    def undo_acts(self, path: str) -> Sequence[Act]:
        chance = self._chance(f"{path}!")
        return chance.choice(UNDO_FAULTS) if chance.random() < self.undo_faulty else ("ok",)

    def takes(self, path: str) -> float:
        """Seconds."""
        return self._chance(f"{path} takes").choice(TAKES) * self.unit

    def answer(self, step: Step) -> JsonValue:
        return self.answer_of(step.component, step.path, step.targets)

    def answer_of(self, component: str, path: str, targets: Sequence[str] = ()) -> JsonValue:
        """What a head answers, or a person in its place."""
        chance = self._chance(f"{path} answers")
        if component in CONDITIONS:
            return chance.random() < 0.5
        if component in CHOOSES:
            asked = [f"{id}:" for id in targets] + ["tag:t1", ":t2", ":", "nowhere", ""]
            return chance.choice((*targets, *targets, *targets, *asked))
        if component == COUNTS:
            return chance.randint(0, 3)
        if component == ITERATES:
            return list("abc"[: chance.randint(0, 3)])
        return path

    def _chance(self, what: str) -> Random:
        return Random(f"{self.seed}/{what}")
