"""What the rules of the lint look at: every step of a plan with what stands around it.

For `rules.lint`. One walk over the plan for all rules, so that each of them is a loop over what was
found here. Says what stands where; what is wrong with it is the rules' matter.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import assert_never

from rules.lint.costs import Costs
from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    FailureStrategy,
    IfNode,
    LogicNode,
    LoopNode,
    Plan,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)
from rules.tree import children, passes


@dataclass(frozen=True, slots=True)
class Around:
    """The nearest block of each sort that a step is in.

    `absorber` keeps failures from the top, `loser` may go on without the step's branch, `retry`
    runs it again.
    """

    absorber: CatchNode | WhenNode | None = None
    loser: WhenNode | None = None
    retry: RetryNode | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A step where it stands. `followed`: something may fail, and undo the saga, after it."""

    step: StepNode
    policy: ComponentPolicy
    around: Around
    followed: bool

    @property
    def undoable(self) -> bool:
        """Whether there is something that undoes it."""
        return self.policy.compensate is not None


@dataclass(frozen=True, slots=True)
class Survey:
    """A plan and what was found in it, each list in the order in which steps begin.

    `deployed` are the ids that this deployment serves. `lasts` are the blocks of FINALLY.
    """

    plan: Plan
    deployed: Collection[str]
    costs: Costs
    steps: list[Occurrence] = field(default_factory=list)
    loops: list[LoopNode] = field(default_factory=list)
    whens: list[WhenNode] = field(default_factory=list)
    lasts: list[PlanNode] = field(default_factory=list)


def survey(plan: Plan, deployed: Collection[str] | None = None) -> Survey:
    """Look at a plan once; without `deployed`, its components are taken to be there."""
    known = plan.components if deployed is None else deployed
    found = Survey(plan, known, Costs(plan.root, plan.components))
    failing: dict[int, bool] = {}
    _may_fail(plan.root, plan.components, failing, absorbed=False)
    _Walk(found, failing).visit(plan.root, Around(), after=False)
    return found


def may_lose(when: WhenNode, index: int) -> bool:
    """Whether the WHEN may be done while this branch is not."""
    if when.max_wait is not None:
        return True
    if when.must is not None:
        return bool(when.must) and index not in when.must
    if when.percentage is not None:
        return max(1, ceil(when.percentage * len(when.items))) < len(when.items)
    return bool(when.any) and len(when.items) > 1


def _may_fail(
    node: PlanNode,
    components: Mapping[str, ComponentPolicy],
    failing: dict[int, bool],
    *,
    absorbed: bool,
) -> bool:
    """Note for every node, by id, whether a failure in it may reach the top."""
    found = False
    if isinstance(node, StepNode):
        strategy = components[node.component].on_failure.strategy
        found = not absorbed and strategy is not FailureStrategy.IGNORE
    elif not (isinstance(node, LoopNode) and passes(node) == 0):
        absorbs = absorbed or (isinstance(node, WhenNode) and bool(node.ignore_error))
        for child in children(node):
            inside = absorbs or (isinstance(node, CatchNode) and child is node.body)
            found = _may_fail(child, components, failing, absorbed=inside) or found
    failing[id(node)] = found
    return found


class _Walk:
    """The walk in the order of execution. `after`: something later may fail up to the top."""

    def __init__(self, found: Survey, failing: Mapping[int, bool]) -> None:
        self.found = found
        self.failing = failing

    def visit(self, node: PlanNode, around: Around, *, after: bool) -> None:
        """Note a node and all below it."""
        match node:
            case StepNode():
                policy = self.found.plan.components[node.component]
                self.found.steps.append(Occurrence(node, policy, around, after))
            case ThenNode():
                self.found.lasts.extend(node.last or ())
                self.row(children(node), around, after=after)
            case LogicNode():
                self.row(node.items, around, after=after)
            case WhenNode():
                self.branches(node, around, after=after)
            case IfNode() | SwitchNode():
                head, *ways = children(node)
                later = after or self.fails(*ways)
                self.visit(head, around, after=later)
                for way in ways:
                    self.visit(way, around, after=after)
            case LoopNode():
                self.loop(node, around, after=after)
            case CatchNode():
                later = after or (node.handler is not None and self.fails(node.handler))
                self.visit(node.body, replace(around, absorber=node), after=later)
                if node.handler is not None:
                    self.visit(node.handler, around, after=after)
            case RetryNode():
                self.visit(node.body, replace(around, retry=node), after=after)
            case ChainNode():
                self.visit(node.body, around, after=after)
            case _:
                assert_never(node)

    def fails(self, *nodes: PlanNode) -> bool:
        """Whether one of them may fail up to the top."""
        return any(self.failing[id(node)] for node in nodes)

    def row(self, nodes: tuple[PlanNode, ...], around: Around, *, after: bool) -> None:
        """Nodes one after the other."""
        afters = [after]
        for node in reversed(nodes[1:]):
            afters.append(afters[-1] or self.fails(node))
        for node in nodes:
            self.visit(node, around, after=afters.pop())

    def branches(self, node: WhenNode, around: Around, *, after: bool) -> None:
        """Branches side by side: each of the others may fail when one is done."""
        self.found.whens.append(node)
        failing = sum(self.failing[id(item)] for item in node.items)
        if node.ignore_error:
            around = replace(around, absorber=node)
        for index, item in enumerate(node.items):
            others = failing - self.failing[id(item)] > 0
            inside = replace(around, loser=node) if may_lose(node, index) else around
            self.visit(item, inside, after=after or others)

    def loop(self, node: LoopNode, around: Around, *, after: bool) -> None:
        """A loop: what may fail in the next pass fails after this one."""
        self.found.loops.append(node)
        bound = passes(node)
        if bound == 0:
            return
        again = after or (bound != 1 and self.fails(node))
        rest = () if node.until is None else (node.until,)
        if not isinstance(node.head, int):
            # A FOR or ITERATOR asks its head once, a WHILE before each pass.
            inside = again if node.op == "while" else after
            self.visit(node.head, around, after=inside or self.fails(node.body, *rest))
        self.visit(node.body, around, after=again or self.fails(*rest))
        for until in rest:
            # Passes side by side go on while it is asked.
            beside = bool(node.parallel) and self.fails(node.body)
            self.visit(until, around, after=again or beside)
