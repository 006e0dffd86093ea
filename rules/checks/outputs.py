"""Checks that the outputs which steps ask for are there and are one (design section 4).

For the compiler. Works on the plan, since what runs beside what is the plan's meaning. A step
that asks for `Output("x")` gets the last completed `x`; it is an error (`ambiguous_output`) when
parallel branches, or passes of a parallel loop, may decide which one that is, a warning
(`missing_output`) when no `x` can come before it. Ways that need a failure count as possible, and
never as a race that the way without one does not have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import inf
from typing import assert_never

from rules.el.findings import Findings, quoted
from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    IfNode,
    LogicNode,
    LoopNode,
    OutputNeed,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)
from rules.tree import children

Place = tuple[int, int]
"""Start and end offset of a step in the text of the chain that is compiled."""


def check_outputs(
    root: PlanNode,
    components: Mapping[str, ComponentPolicy],
    places: Mapping[int, Place],
    findings: Findings,
) -> None:
    """Report ambiguous and missing outputs. `places` has each step's place by `id(node)`."""
    needs: dict[tuple[str, str | None], None] = {}
    for policy in components.values():
        for need in policy.needs.outputs:
            needs[need.name, need.tag] = None
    for name, tag in needs:
        _Walk(name, tag, components, places, findings).run(root)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What may have completed before a point. `race`: branches decide which one was the last."""

    any: bool
    race: bool

    def join(self, other: "_Seen") -> "_Seen":
        return _Seen(self.any or other.any, self.race or other.race)


class _Walk:
    """One output's way through the plan."""

    def __init__(
        self,
        name: str,
        tag: str | None,
        components: Mapping[str, ComponentPolicy],
        places: Mapping[int, Place],
        findings: Findings,
    ) -> None:
        self.name = name
        self.tag = tag
        self.needs = {
            policy.id: need
            for policy in components.values()
            for need in policy.needs.outputs
            if (need.name, need.tag) == (name, tag)
        }
        self.places = places
        self.findings = findings
        self.produced: dict[int, bool] = {}
        self.reported: set[Place] = set()

    def run(self, root: PlanNode) -> None:
        self.produces(root)
        self.after(root, _Seen(any=False, race=False), beside=False)

    def is_producer(self, step: StepNode) -> bool:
        return step.component == self.name and (self.tag is None or step.tag == self.tag)

    def produces(self, node: PlanNode) -> bool:
        """Whether the output may come from this node; remembered for every node below."""
        known = self.produced.get(id(node))
        if known is None:
            known = isinstance(node, StepNode) and self.is_producer(node)
            for child in children(node):
                known = self.produces(child) or known
            self.produced[id(node)] = known
        return known

    def after(self, node: PlanNode, seen: _Seen, *, beside: bool) -> _Seen:
        """What was seen after the node; `beside`: a branch that runs beside it produces too."""
        match node:
            case StepNode():
                self.ask(node, seen, beside=beside)
                return _Seen(any=True, race=False) if self.is_producer(node) else seen
            case ThenNode():
                return self.after_all(children(node), seen, beside=beside)
            case WhenNode():
                return self.after_branches(node, seen, beside=beside)
            case IfNode():
                asked = self.after(node.test, seen, beside=beside)
                return self.after_one_of((node.then, node.otherwise), asked, beside=beside)
            case SwitchNode():
                asked = self.after(node.head, seen, beside=beside)
                targets = (*(target.node for target in node.targets), node.default)
                return self.after_one_of(
                    targets if node.default else targets[:-1], asked, beside=beside
                )
            case LogicNode():
                return self.after_some(node, seen, beside=beside)
            case LoopNode():
                return self.after_loop(node, seen, beside=beside)
            case CatchNode():
                tried = seen.join(self.after(node.body, seen, beside=beside))
                if node.handler is None:
                    return tried
                return tried.join(self.after(node.handler, tried, beside=beside))
            case ChainNode() | RetryNode():
                return self.after(node.body, seen, beside=beside)
        assert_never(node)

    def after_all(self, nodes: Iterable[PlanNode], seen: _Seen, *, beside: bool) -> _Seen:
        """After nodes that run one after the other."""
        for node in nodes:
            seen = self.after(node, seen, beside=beside)
        return seen

    def after_one_of(self, nodes: Iterable[PlanNode | None], seen: _Seen, *, beside: bool) -> _Seen:
        """After one of the nodes, of which None does nothing."""
        ways = []
        for node in nodes:
            ways.append(seen if node is None else self.after(node, seen, beside=beside))
        return reduce(_Seen.join, ways)

    def after_some(self, node: LogicNode, seen: _Seen, *, beside: bool) -> _Seen:
        """After a condition, which asks its operands as far as needed."""
        ways = []
        for item in node.items:
            seen = self.after(item, seen, beside=beside)
            ways.append(seen)
        return reduce(_Seen.join, ways)

    def after_loop(self, node: LoopNode, seen: _Seen, *, beside: bool) -> _Seen:
        """After any number of passes; each looks for outputs in itself, then around the loop."""
        begun = seen
        for part in children(node):
            begun = self.after(part, begun, beside=beside)
        if node.parallel and self.produced[id(node.body)] and _passes(node) > 1:
            return _Seen(any=True, race=True)
        return seen.join(begun)

    def after_branches(self, node: WhenNode, seen: _Seen, *, beside: bool) -> _Seen:
        producers = 0
        for item in node.items:
            producers += self.produced[id(item)]
        out = seen
        for item in node.items:
            produces = self.produced[id(item)]
            others = producers - produces > 0
            branch = self.after(item, seen, beside=beside or others)
            if produces:
                out = branch
        return _Seen(any=True, race=True) if producers > 1 else out

    def ask(self, step: StepNode, seen: _Seen, *, beside: bool) -> None:
        need = self.needs.get(step.component)
        place = self.places[id(step)]
        if need is None or place in self.reported:
            return
        if seen.race or beside:
            self.reported.add(place)
            message = (
                f"{quoted(step.component)} asks for {_words(need)}, but steps that run side by "
                "side may give it"
            )
            hint = "ask by tag, or let one of them run before the others"
            self.findings.error("ambiguous_output", message, *place, hint=hint)
        elif not seen.any and not need.optional:
            self.reported.add(place)
            message = f"{quoted(step.component)} asks for {_words(need)}, which never comes before"
            hint = "the step will fail with MISSING_OUTPUT"
            self.findings.warning("missing_output", message, *place, hint=hint)


def _passes(loop: LoopNode) -> float:
    """How many passes it may have."""
    return loop.head if loop.op == "for" and isinstance(loop.head, int) else inf


def _words(need: OutputNeed) -> str:
    tag = f" with tag {quoted(need.tag)}" if need.tag is not None else ""
    return f"the output of {quoted(need.name)}{tag}"
