"""The words of the reference model: what a case says, and what the model says of its course.

For the two halves of the model (`model_flow`, `model`) and for all who make and run cases. Of the
engine it knows the plan alone. Seconds throughout.
"""

import re
from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

from rules import plan as plans

# error: done, and its answer is lost. hang: done without an answer.
Act = Literal["ok", "refuse", "error", "hang"]
Answer: TypeAlias = bool | int | str | tuple[str, ...] | None

LAGS: Final = (0.328125, 0.140625, 0.0625, 0.03125)
MARK: Final = re.compile(r"([#~])(\d+)")


def turns_of(path: str) -> list[int]:
    """Which pass of each loop, or attempt of a block, a path stands in; innermost first, from 0."""
    return [int(number) - (mark == "~") for mark, number in reversed(MARK.findall(path))]


def turn_of(path: str) -> int:
    """The same of the innermost."""
    return next(iter(turns_of(path)), 0)


def place_of(path: str) -> str:
    """The path without the numbers of passes and attempts: the place in the text."""
    return MARK.sub(r"\1", path)


class Script(NamedTuple):
    """What a step does, and its undo, call by call of each path (the last one repeats).

    A head gives its answers turn by turn. `only`: in other turns than this one all goes well.
    """

    acts: tuple[Act, ...] = ("ok",)
    undos: tuple[Act, ...] = ("ok",)
    takes: float = 1.0
    answers: tuple[Answer, ...] = (None,)
    only: int | None = None

    def act(self, path: str, call: int, *, undo: bool = False) -> Act:
        """What a call does; calls of a path count from 1."""
        acts = self.undos if undo else self.acts
        spared = self.only not in (None, turn_of(path))
        return "ok" if spared else acts[min(call, len(acts)) - 1]

    def answer(self, path: str) -> Answer:
        """What a head answers when all goes well."""
        return self.answers[min(turn_of(path), len(self.answers) - 1)]

    def seconds(self, path: str) -> float:
        """How long a call takes: a little longer in each turn, so that no two end together."""
        return self.takes + sum(LAGS[i] * turn for i, turn in enumerate(turns_of(path)))


class Action(NamedTuple):
    """What an operator does at a moment. `step` is a path; None names no step."""

    at: float
    kind: Literal["retry", "skip", "compensate", "cancel"]
    step: str | None = None
    output: Answer = None
    in_flight: Literal["await", "cancel"] = "await"


class Case(NamedTuple):
    """A chain, what its steps do by their places, and at most one act of an operator.

    `text` is the chain as it is written, `key` finds the case again.
    """

    plan: plans.Plan
    scripts: dict[str, Script]
    undo_policy: Literal["stop", "continue"] = "stop"
    action: Action | None = None
    text: str = ""
    key: str = ""

    def script(self, path: str) -> Script:
        """The script of the step at a path."""
        return self.scripts[place_of(path)]


class Entry(NamedTuple):
    """What becomes of a step: how it ended, and what is left of it after the way back."""

    component: str
    outcome: str
    status: str


class Span(NamedTuple):
    """What went on at a path from one moment to another; `number` counts calls from 1.

    limit: a time limit that passed; what it was set for may go on.
    """

    doing: Literal["run", "back-off", "wait", "limit", "undo", "blocked"]
    path: str
    begin: float
    end: float
    number: int = 0


class Failure(NamedTuple):
    """A failure that goes up: whose it is, and whether it was a refusal."""

    component: str
    refused: bool = False


class Walk(NamedTuple):
    """A block that was walked: when it ended and how; halted: something in it might not begin."""

    end: float
    failure: Failure | None = None
    value: Answer = None
    halted: bool = False

    @property
    def done(self) -> bool:
        """Whether what stands behind the block comes next."""
        return self.failure is None and not self.halted


class Bounds(NamedTuple):
    """What a block is told from outside, moment by moment.

    From `stop` on nothing begins in it, from `lost` on since its branch has lost; at `cut` its
    attempts are cancelled; from `mute` on nobody is asked, from `free` on nobody waits.
    """

    stop: float = inf
    lost: float = inf
    cut: float = inf
    mute: float = inf
    free: float = inf

    def freed(self, at: float) -> "Bounds":
        """For the siblings of what failed at a moment."""
        return self._replace(free=min(self.free, at))

    def losing(self, at: float) -> "Bounds":
        """For a branch that loses at a moment."""
        return self._replace(stop=min(self.stop, at), lost=min(self.lost, at))

    def shielded(self) -> "Bounds":
        """For a FINALLY, which nothing outside holds up; but then nobody is asked in it."""
        return Bounds(mute=min(self.mute, self.stop, self.free))
