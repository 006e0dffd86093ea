"""What would be undone if a step failed for good, derived from the plan.

For `explain`. The engine undoes what has completed in reverse order of completion; where the plan
leaves that order or the number of passes open, this says so. A test compares it with the engine.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from api.cli.words import parts
from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    FailureStrategy,
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


@dataclass(frozen=True, slots=True)
class Undo:
    """One compensation (None: not known, but possible); `notes` say when it runs, or how often."""

    path: str
    component: str
    compensation: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """Undos of branches that ran side by side: each branch in its order, between them any."""

    branches: tuple[tuple["Item", ...], ...]


Item: TypeAlias = Undo | Beside
Around: TypeAlias = Callable[[Sequence[Item]], list[Item]]


@dataclass(frozen=True, slots=True)
class Failing:
    """A step that fails, and what is undone then.

    `absorbed` says why nothing is, `unless` when nothing is.
    """

    path: str
    component: str
    undone: tuple[Item, ...]
    absorbed: str | None = None
    unless: str | None = None


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of a failure on its way up: the innermost that absorbs it counts."""

    absorbed: str | None = None
    unless: str | None = None

    def absorbed_by(self, what: str) -> "_Fate":
        return self if self.absorbed else replace(self, absorbed=what)


IF_UNKNOWN = "if it may have happened"
ITS_CHAINS = "the undo of the chains that it runs"
IF_RAN = "if it ran"
EACH_PASS = "for each pass"
EACH_TRY = "for each earlier try"


class Undoing:
    """Derives undos for one plan; `assumed` components may have compensations."""

    def __init__(self, components: Mapping[str, ComponentPolicy], assumed: frozenset[str]) -> None:
        self._components = components
        self._assumed = assumed

    def failing(self, root: PlanNode) -> Iterator[Failing]:
        """Every step of the plan, in the order of the text."""
        return self._failing(root, "0", list, _Fate())

    def undos(self, node: PlanNode, path: str) -> list[Item]:
        """What is undone of a node that has completed, the latest first."""
        match node:
            case StepNode():
                return list(self._of_step(node, path))
            case WhenNode():
                some = bool(node.any) or node.must is not None or node.percentage is not None
                loose = some or node.ignore_error or node.max_wait is not None
                branches = [self.undos(part.node, part.path) for part in parts(node, path)]
                return beside(marked(each, IF_RAN) if loose else each for each in branches)
            case IfNode() | SwitchNode():
                head, *ways = parts(node, path)
                ran = [marked(self.undos(way.node, way.path), IF_RAN) for way in ways]
                return [*_joined(reversed(ran)), *self.undos(head.node, head.path)]
            case LoopNode():
                return [*self._passes(node, path), *self._counted(node, path)]
            case CatchNode():
                found = [self.undos(part.node, part.path) for part in parts(node, path)]
                return _joined(reversed([marked(each, IF_RAN) for each in found]))
            case LogicNode():
                found = [self.undos(part.node, part.path) for part in parts(node, path)]
                rest = [marked(each, IF_RAN) for each in found[1:]]
                return _joined(reversed([*found[:1], *rest]))
            case RetryNode():
                body = self.undos(node.body, f"{path}~")
                return [*body, *marked(body, EACH_TRY)]
            case ThenNode() | ChainNode():
                found = [self.undos(part.node, part.path) for part in parts(node, path)]
                return _joined(reversed(found))

    def _of_step(self, node: StepNode, path: str) -> Iterator[Undo]:
        policy = self._components[node.component]
        unknown = node.component in self._assumed and policy.kind == "common"
        if policy.runs_chains:
            yield Undo(path, node.component, ITS_CHAINS)
        if not policy.read_only and (policy.compensate is not None or unknown):
            yield Undo(path, node.component, policy.compensate)

    def _passes(self, node: LoopNode, path: str) -> list[Item]:
        """What all passes did; an iterator or a count is asked once, before them."""
        found: list[Item] = []
        for part in parts(node, path):
            if node.op == "while" or part.role != "asked":
                found = [*self.undos(part.node, part.path), *found]
        return marked(found, EACH_PASS)

    def _counted(self, node: LoopNode, path: str) -> list[Item]:
        if node.op == "while" or isinstance(node.head, bool | int):
            return []
        return self.undos(node.head, f"{path}.0")

    def _failing(
        self, node: PlanNode, path: str, around: Around, fate: "_Fate"
    ) -> Iterator[Failing]:
        if isinstance(node, StepNode):
            yield self._step(node, path, around, fate)
            return
        inside = parts(node, path)
        match node:
            case ThenNode():
                yield from self._in_then(node, path, around, fate)
            case WhenNode():
                yield from self._in_when(node, path, around, fate)
            case LoopNode():
                yield from self._in_loop(node, path, around, fate)
            case RetryNode():
                again = _then_around(around, lambda inner: [*inner, *marked(inner, EACH_TRY)])
                yield from self._failing(node.body, f"{path}~", again, fate)
            case CatchNode():
                body, *handlers = inside
                caught = fate.absorbed_by(f"CATCH at {path} absorbs it")
                yield from self._failing(body.node, body.path, around, caught)
                before = marked(self.undos(body.node, body.path), IF_RAN)
                for handler in handlers:
                    after = _behind(around, before)
                    yield from self._failing(handler.node, handler.path, after, fate)
            case IfNode() | SwitchNode():
                head, *ways = inside
                yield from self._failing(head.node, head.path, around, fate)
                after = _behind(around, self.undos(head.node, head.path))
                for way in ways:
                    yield from self._failing(way.node, way.path, after, fate)
            case LogicNode() | ChainNode():
                yield from self._in_row([(one.path, one.node) for one in inside], around, fate)

    def _step(self, node: StepNode, path: str, around: Around, fate: "_Fate") -> Failing:
        policy = self._components[node.component]
        if policy.on_failure.strategy is FailureStrategy.IGNORE:
            fate = _Fate("its own strategy ignores it")
        note = IF_UNKNOWN if policy.compensate_when == "unknown" else None
        own = marked(self.undos(node, path), note) if note else self.undos(node, path)
        return Failing(path, node.component, tuple(around(own)), fate.absorbed, fate.unless)

    def _in_row(
        self,
        row: Iterable[tuple[str, PlanNode]],
        around: Around,
        fate: "_Fate",
    ) -> Iterator[Failing]:
        """Nodes one after the other."""
        before: list[Item] = []
        for path, node in row:
            yield from self._failing(node, path, _behind(around, before), fate)
            before = [*self.undos(node, path), *before]

    def _in_then(
        self, node: ThenNode, path: str, around: Around, fate: "_Fate"
    ) -> Iterator[Failing]:
        """What FINALLY holds runs after the failure, and so is undone first."""
        inside = [(part.path, part.node) for part in parts(node, path)]
        items, last = inside[: len(node.items)], inside[len(node.items) :]
        late = _joined(reversed([self.undos(one, at) for at, one in last]))
        first = _then_around(around, lambda inner: [*late, *inner])
        yield from self._in_row(items, first, fate)
        before = _joined(reversed([self.undos(one, at) for at, one in items]))
        yield from self._in_row(last, _behind(around, before), fate)

    def _in_when(
        self, node: WhenNode, path: str, around: Around, fate: "_Fate"
    ) -> Iterator[Failing]:
        """The siblings of a branch that fails run to their end."""
        if node.ignore_error:
            fate = fate.absorbed_by(f"the WHEN at {path} ignores it")
        inside = list(parts(node, path))
        choosy = bool(node.any) or node.must is not None or node.percentage is not None
        loose = choosy or node.max_wait is not None
        done = [self.undos(part.node, part.path) for part in inside]
        if loose:
            done = [marked(each, IF_RAN) for each in done]
        for index, part in enumerate(inside):
            others = [each for at, each in enumerate(done) if at != index]

            def among(inner: Sequence[Item], others: list[list[Item]] = others) -> list[Item]:
                return beside([list(inner), *others])

            branch = _then_around(around, among)
            needed = not choosy or part.role == "must"
            own = fate if needed else replace(fate, unless=f"the WHEN at {path} went on without it")
            yield from self._failing(part.node, part.path, branch, own)

    def _in_loop(
        self, node: LoopNode, path: str, around: Around, fate: "_Fate"
    ) -> Iterator[Failing]:
        """The passes before, or beside, have done their part."""
        inside = list(parts(node, path))
        once = [] if node.op == "while" else [part for part in inside if part.role == "asked"]
        for part in once:
            yield from self._failing(part.node, part.path, around, fate)
        passes, counted = self._passes(node, path), self._counted(node, path)

        def among(inner: Sequence[Item]) -> list[Item]:
            if node.parallel:
                return [*beside([list(inner), passes]), *counted]
            return [*inner, *passes, *counted]

        row = [(part.path, part.node) for part in inside if part not in once]
        yield from self._in_row(row, _then_around(around, among), fate)


def marked(items: Iterable[Item], note: str) -> list[Item]:
    """The same with a note on each undo."""
    found: list[Item] = []
    for item in items:
        if isinstance(item, Beside):
            branches = (tuple(marked(branch, note)) for branch in item.branches)
            found.append(Beside(tuple(branches)))
        elif note in item.notes:
            found.append(item)
        else:
            found.append(replace(item, notes=(*item.notes, note)))
    return found


def beside(branches: Iterable[list[Item]]) -> list[Item]:
    """Branches side by side; one alone is no branch."""
    filled = [tuple(branch) for branch in branches if branch]
    if len(filled) > 1:
        return [Beside(tuple(filled))]
    return list(filled[0]) if filled else []


def _joined(lists: Iterable[list[Item]]) -> list[Item]:
    return [item for each in lists for item in each]


def _then_around(around: Around, inner: Around) -> Around:
    return lambda items: around(inner(items))


def _behind(around: Around, before: list[Item]) -> Around:
    return lambda items: around([*items, *before])
