"""The way forward of the reference model: what each operator does, as a calculation of times.

Written from the EL reference and the design. Attempts take what their script says and an operator
acts at a moment, so that branches need no concurrency: each is walked by itself. Where a moment
of one matters to its siblings (it fails, it is enough, its time is over) they are walked once more
with that knowledge, which changes nothing before the moment.
"""

from collections.abc import Sequence
from math import ceil, inf
from typing import Final, TypeAlias

from rules import plan as plans
from tests.property.model_case import Action, Bounds, Case, Failure, Span, Walk
from tests.property.model_steps import Steps, fits

Part: TypeAlias = tuple[str, plans.PlanNode]

FINALLY_SECONDS: Final = 60.0


class Flow(Steps):
    """One saga's way forward, and when all of it has come to rest. `stop`: when it is stopped.

    `unclear`: something hangs on which of two things of one moment comes first.
    """

    def __init__(self, case: Case, act: Action | None = None) -> None:
        super().__init__(case, act)
        self.unclear = False
        self.stop = act.at if act and act.kind in ("compensate", "cancel") else inf
        cut = self.stop if act and act.in_flight == "cancel" else inf
        self.result = self.walk(case.plan.root, "0", 0.0, Bounds(stop=self.stop, cut=cut))
        # Whoever has lost is awaited.
        self.end = max([self.result.end, *(s.end for s in self.spans if s.doing != "limit")])

    def walk(self, node: plans.PlanNode, path: str, at: float, bounds: Bounds) -> Walk:
        """Walk a block from a moment on."""
        match node:
            case plans.StepNode():
                return self.step(node, path, at, bounds)
            case plans.ThenNode():
                return self.then(node, path, at, bounds)
            case plans.WhenNode():
                return self.when(node, path, at, bounds)
            case plans.IfNode():
                head = self.walk(node.test, f"{path}.0", at, bounds)
                branches = inside(path, node.test, node.then, node.otherwise)[1:]
                return self.in_turn(branches[:1] if head.value else branches[1:], head, bounds)
            case plans.SwitchNode():
                return self.switch(node, path, at, bounds)
            case plans.LoopNode():
                return self.loop(node, path, at, bounds)
            case plans.LogicNode():
                return self.logic(node, path, at, bounds)
            case plans.ChainNode():
                return self.walk(node.body, f"{path}.0", at, bounds)
            case plans.CatchNode():
                body = self.walk(node.body, f"{path}.0", at, bounds)
                if body.done or body.halted:
                    return body
                handler = inside(path, node.body, node.handler)[1:]
                return self.in_turn(handler, Walk(body.end), bounds)
            case plans.RetryNode():
                return self.retry(node, path, at, bounds)

    def in_turn(self, items: Sequence[Part], walk: Walk, bounds: Bounds) -> Walk:
        for path, item in items:
            walk = self.walk(item, path, walk.end, bounds) if walk.done else walk
        return walk

    def then(self, node: plans.ThenNode, path: str, at: float, bounds: Bounds) -> Walk:
        """What FINALLY holds comes last in any case, once the block has begun."""
        parts, number = inside(path, *node.items, *(node.last or ())), len(node.items)
        if node.last and at >= bounds.stop:
            return Walk(at, halted=True)
        walk = self.in_turn(parts[:number], Walk(at), bounds)
        last = Walk(walk.end)
        for part in parts[number:]:
            if last.done:
                due = last.end + FINALLY_SECONDS
                last = self.limited(part, last.end, bounds.shielded(), due=due, name="FINALLY")
        return walk._replace(end=last.end, failure=last.failure or walk.failure)

    def retry(self, node: plans.RetryNode, path: str, at: float, bounds: Bounds) -> Walk:
        """Attempts of a block, as far as `.retry` is about its failure."""
        walk = Walk(at)
        for number in range(1, node.times + 2):
            walk = self.walk(node.body, f"{path}~{number}", walk.end, bounds)
            if walk.halted or walk.failure is None or not fits(walk.failure, node.types):
                break
        return walk

    def limited(self, part: Part, at: float, bounds: Bounds, *, due: float, name: str) -> Walk:
        """Walk what has until `due`; a branch that has lost by then cannot be late any more."""
        path, node = part
        before = self.noted()
        walk = self.walk(node, path, at, bounds)
        self.unclear |= walk.end == due
        if walk.end <= due or bounds.lost <= due:
            return walk
        self.forget(before)
        self.walk(node, path, at, bounds.losing(due))
        self.spans.append(Span("limit", path, at, due))
        return Walk(due, Failure(name))

    def when(self, node: plans.WhenNode, path: str, at: float, bounds: Bounds) -> Walk:
        """The branches side by side until enough of them are done; the others have lost then."""
        items, before = inside(path, *node.items), self.noted()
        names = node.names or [where for where, _ in items]
        due = inf if node.max_wait is None else at + node.max_wait / 1000

        def walked(bounds: Sequence[Bounds]) -> list[Walk]:
            self.forget(before)
            return [
                self.limited(item, at, bound, due=due, name=name)
                for item, name, bound in zip(items, names, bounds, strict=True)
            ]

        all_bounds = [bounds] * len(items)
        walks = walked(all_bounds)
        failed = inf if node.ignore_error else first_failure(walks)
        # Siblings of a failure wait no longer; but what fails at the end or later decides nothing.
        if failed < reached(node, walks)[0]:
            all_bounds = [bounds.freed(failed) if w.end > failed else bounds for w in walks]
            walks = walked(all_bounds)
        end, enough = reached(node, walks)
        late = [walk.end > end for walk in walks]
        self.unclear |= end == at and any(late)
        walks = walked(
            [b.losing(end) if loses else b for b, loses in zip(all_bounds, late, strict=True)]
        )
        counted = [w for w, loses in zip(walks, late, strict=True) if not loses and not w.halted]
        failures = [] if node.ignore_error else [w.failure for w in counted if w.failure]
        return Walk(end, failures[0] if failures and enough else None, halted=not enough)

    def switch(self, node: plans.SwitchNode, path: str, at: float, bounds: Bounds) -> Walk:
        """The first target that fits, else the default."""
        head = self.walk(node.head, f"{path}.0", at, bounds)
        if not head.done:
            return head
        for number, target in enumerate(node.targets, start=1):
            if chooses(str(head.value or ""), target):
                return self.walk(target.node, f"{path}.{number}", head.end, bounds)
        if node.default is not None:
            return self.walk(node.default, f"{path}.{len(node.targets) + 1}", head.end, bounds)
        assert isinstance(node.head, plans.StepNode)
        return Walk(head.end, Failure(node.head.component))

    def logic(self, node: plans.LogicNode, path: str, at: float, bounds: Bounds) -> Walk:
        """Operands from left to right, as far as they are needed."""
        walk = Walk(at)
        for where, item in inside(path, *node.items):
            walk = self.walk(item, where, walk.end, bounds)
            if not walk.done or bool(walk.value) is (node.op == "or"):
                break
        return walk._replace(value=bool(walk.value) is not (node.op == "not"))

    def loop(self, node: plans.LoopNode, path: str, at: float, bounds: Bounds) -> Walk:
        """Pass after pass; or all side by side, with head and BREAK asked between their starts."""
        head = Walk(at)
        if node.op != "while":
            head = self.head(node, f"{path}.0", at, bounds)
            if not head.done:
                return head
        number = len(head.value) if isinstance(head.value, tuple) else int(head.value or 0)

        def passes(known: Sequence[Walk] = (), failed: float = inf) -> list[Walk]:
            """All passes, and last what was asked last; once one has failed nobody waits."""
            self.forget(before)
            freed = bounds.freed(failed)
            found, asked, turn = list[Walk](), Walk(head.end), -1
            while asked.done:
                turn += 1
                if node.op == "while":
                    asked = self.head(node, f"{path}.0#{turn}", asked.end, freed)
                if not asked.done or not (asked.value if node.op == "while" else turn < number):
                    break
                over = turn < len(known) and known[turn].end <= failed
                bound = bounds if over else freed
                found.append(self.walk(node.body, f"{path}#{turn}", asked.end, bound))
                asked = asked if node.parallel else found[-1]
                if asked.done and node.until is not None:
                    asked = self.walk(node.until, f"{path}.2#{turn}", asked.end, freed)
                    if asked.value:
                        break
            return [*found, asked]

        before = self.noted()
        walks = passes()
        if node.parallel:
            walks = passes(walks[:-1], first_failure(walks))
        failures = [walk.failure for walk in walks if walk.failure]
        halted = any(walk.halted for walk in walks)
        return Walk(max(w.end for w in walks), failures[0] if failures else None, halted=halted)

    def head(self, node: plans.LoopNode, path: str, at: float, bounds: Bounds) -> Walk:
        """What the head of a loop answers."""
        if isinstance(node.head, bool | int):
            return self.literal(node.head, path, at, bounds)
        return self.walk(node.head, path, at, bounds)


def inside(path: str, *nodes: plans.PlanNode | None) -> Sequence[Part]:
    """The blocks directly in a block, with their paths."""
    return [(f"{path}.{i}", node) for i, node in enumerate(nodes) if node is not None]


def first_failure(walks: Sequence[Walk]) -> float:
    """When the first of some blocks failed."""
    return min((w.end for w in walks if w.failure and not w.halted), default=inf)


def reached(node: plans.WhenNode, walks: Sequence[Walk]) -> tuple[float, bool]:
    """When as many branches as are needed are done, or nothing goes on; and whether they are."""
    needed = list(walks)
    if node.must is not None:
        needed = [walks[i] for i in node.must]
    elif node.any or node.percentage is not None:
        number = 1 if node.any else max(1, ceil(len(walks) * (node.percentage or 0)))
        needed = sorted(walks, key=lambda walk: (walk.halted, walk.end))[:number]
    if any(walk.halted for walk in needed):
        return max(walk.end for walk in walks), False
    return max(walk.end for walk in needed), True


def chooses(answer: str, target: plans.Target) -> bool:
    """Whether a SWITCH's answer fits: an id, `id:tag` with either left out, or `tag:` and a tag."""
    id, colon, tag = answer.partition(":")
    if not colon:
        return bool(answer) and target.id == answer
    if id == "tag":
        return target.tag == tag
    return answer != ":" and id in ("", target.id) and tag in ("", target.tag)
