"""What a part of a plan costs in Temporal, estimated for the way on which nothing fails.

For `rules.lint`. Of several ways the dearest counts; a loop counts by its literal bound, else one
pass; a block that is retried counts once. Knows the limits' numbers, and nothing of positions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final, assert_never

from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    IfNode,
    LogicNode,
    LoopNode,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)
from rules.sizes import COMPENSABLE_LIMIT
from rules.tree import children, passes

EVENTS_HINT: Final = 4_096
"""Events after which Temporal suggests to continue as new."""
EVENTS_LIMIT: Final = 51_200
"""Events at which Temporal terminates a run."""
PENDING_LIMIT: Final = 2_000
"""Activities of one run that Temporal lets be under way at a time."""
WINDOW: Final = 50
"""Branches of a WHEN, and passes of a parallel loop, that run at a time."""
ENTRY_BYTES: Final = 70
"""What one entry of the saga stack adds to what a saga carries, apart from its data."""
STACK_STEPS: Final = COMPENSABLE_LIMIT // ENTRY_BYTES
FINALLY_SECONDS: Final = 60.0
"""What a block of FINALLY may take."""

_ACTIVITY_EVENTS: Final = 3
_TASK_EVENTS: Final = 3
_TIMER_EVENTS: Final = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """`rounds` are steps that wait for one another, `width` steps under way at a time.

    `seconds` is how long it takes when every attempt uses up its time-out, back-off left out.
    """

    steps: int = 0
    rounds: int = 0
    timers: int = 0
    width: int = 0
    seconds: float = 0.0

    @property
    def events(self) -> int:
        """Events in the history: 6 for a step on its own, fewer for steps side by side."""
        tasks = _TASK_EVENTS * self.rounds
        return _ACTIVITY_EVENTS * self.steps + tasks + _TIMER_EVENTS * self.timers


_NOTHING: Final = Cost()


class Costs:
    """The cost of every node of a plan, by `of(node)`."""

    def __init__(self, root: PlanNode, components: Mapping[str, ComponentPolicy]) -> None:
        self._components = components
        self._known: dict[int, Cost] = {}
        self._count(root)

    def of(self, node: PlanNode) -> Cost:
        """The cost of a node of the plan."""
        return self._known[id(node)]

    def one_pass(self, loop: LoopNode) -> Cost:
        """The cost of one pass: body, BREAK, and the head where it is asked each time."""
        parts = [loop.body, *([loop.until] if loop.until else [])]
        if loop.op == "while" and not isinstance(loop.head, int):
            parts.append(loop.head)
        return _row([self.of(part) for part in parts])

    def _count(self, node: PlanNode) -> Cost:
        inner = []
        for child in children(node):
            inner.append(self._count(child))
        found = self._known[id(node)] = self._combined(node, inner)
        return found

    def _combined(self, node: PlanNode, inner: Sequence[Cost]) -> Cost:
        """The cost of a node, given those of its children."""
        match node:
            case StepNode():
                return Cost(1, 1, 0, 1, self._seconds(node))
            case ThenNode():
                return _timed(_row(inner), timers=len(node.last or ()))
            case LogicNode() | CatchNode() | ChainNode():
                return _row(inner)
            case WhenNode():
                return _limited(_beside(inner), node)
            case IfNode() | SwitchNode():
                return _row([inner[0], _dearest(inner[1:])])
            case LoopNode():
                return self._looped(node)
            case RetryNode():
                return _slower(inner[0], node.times + 1)
        assert_never(node)

    def _seconds(self, step: StepNode) -> float:
        policy = self._components[step.component]
        attempts = policy.retry.attempts if policy.retry is not None else 1
        again = step.retry.times if step.retry is not None else 0
        return policy.timeout * attempts * (again + 1)

    def _looped(self, loop: LoopNode) -> Cost:
        bound = passes(loop)
        if bound == 0:
            return _NOTHING
        each = self.one_pass(loop)
        at_once = WINDOW if loop.parallel else 1
        times = 1 if bound is None else bound
        rounds = -(-times // at_once)
        most = at_once if bound is None else min(at_once, bound)
        total = Cost(
            each.steps * times,
            each.rounds * rounds,
            each.timers * times,
            each.width * most,
            each.seconds * rounds,
        )
        if loop.op == "while" or isinstance(loop.head, int):
            return total
        return _row([self.of(loop.head), total])


def _row(costs: Sequence[Cost]) -> Cost:
    """One after the other."""
    return Cost(
        sum(cost.steps for cost in costs),
        sum(cost.rounds for cost in costs),
        sum(cost.timers for cost in costs),
        max((cost.width for cost in costs), default=0),
        sum(cost.seconds for cost in costs),
    )


def _beside(costs: Sequence[Cost]) -> Cost:
    """Side by side, in a window."""
    turns = -(-len(costs) // WINDOW)
    return Cost(
        sum(cost.steps for cost in costs),
        sum(nlargest(turns, (cost.rounds for cost in costs))),
        sum(cost.timers for cost in costs),
        sum(nlargest(WINDOW, (cost.width for cost in costs))),
        sum(nlargest(turns, (cost.seconds for cost in costs))),
    )


def _dearest(costs: Sequence[Cost]) -> Cost:
    """One of them; of each count the greatest."""
    return Cost(
        max((cost.steps for cost in costs), default=0),
        max((cost.rounds for cost in costs), default=0),
        max((cost.timers for cost in costs), default=0),
        max((cost.width for cost in costs), default=0),
        max((cost.seconds for cost in costs), default=0.0),
    )


def _timed(cost: Cost, *, timers: int) -> Cost:
    return Cost(cost.steps, cost.rounds, cost.timers + timers, cost.width, cost.seconds)


def _slower(cost: Cost, times: int) -> Cost:
    return Cost(cost.steps, cost.rounds, cost.timers, cost.width, cost.seconds * times)


def _limited(cost: Cost, when: WhenNode) -> Cost:
    """A WHEN with a limit for each branch takes no longer than that, and has a timer for each."""
    if when.max_wait is None:
        return cost
    turns = -(-len(when.items) // WINDOW)
    seconds = min(cost.seconds, turns * when.max_wait / 1000)
    timers = cost.timers + len(when.items)
    return Cost(cost.steps, cost.rounds, timers, cost.width, seconds)
