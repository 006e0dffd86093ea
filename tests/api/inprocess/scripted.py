"""Scripted chains: plans by hand whose steps do what a script says, on virtual time.

A script tells for each node path what its attempts do, and how long they take. Everything that
happens is written down, so that what a saga promises can be read off the events.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, assert_never

from pydantic import JsonValue

from activities.component import (
    Ctx,
    OnFailure,
    Refused,
    Retry,
    Step,
    Strategy,
    Undo,
    component,
)
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import execute
from api.inprocess.runtime import InMemoryRuntime
from rules.execution import EntryStatus, Execution, StackEntry
from rules.plan import ChainNode, IfNode, Plan, PlanNode, StepNode, ThenNode, WhenNode
from rules.wire import Frost, SagaOptions, SagaRef, SagaState
from workflows.gate import Parked
from workflows.saga import Saga

# ok: done. false: done, and a head says no. refuse: nothing happened.
# error: done, and the answer is lost. hang: done, and no answer comes in time.
Act = Literal["ok", "refuse", "error", "hang", "false"]

LIMIT = 10.0


@dataclass(frozen=True)
class Event:
    """A forward attempt or an undo began, or took effect."""

    what: Literal["start", "effect", "end", "undo", "undone"]
    path: str
    at: float


@dataclass(frozen=True)
class Script:
    """What the attempts of each path do (the last act repeats), how long they take, and undos."""

    acts: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    undos: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    answers: Mapping[str, JsonValue] = field(default_factory=dict)

    def act(self, path: str, attempt: int) -> Act:
        return _at(self.acts.get(path, ("ok",)), attempt)

    def undo(self, path: str, attempt: int) -> Act:
        return _at(self.undos.get(path, ("ok",)), attempt)


def _at(acts: Sequence[Act], attempt: int) -> Act:
    return acts[min(attempt, len(acts)) - 1]


class World:
    """The components of one run, and what they did."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.events: list[Event] = []

    def note(self, what: Literal["start", "effect", "end", "undo", "undone"], path: str) -> None:
        self.events.append(Event(what, path, asyncio.get_running_loop().time()))

    async def forward(self, step: Step) -> bool:
        self.note("start", step.path)
        await asyncio.sleep(self.script.seconds.get(step.path, 1.0))
        act = self.script.act(step.path, step.attempt)
        if act != "refuse":
            self.note("effect", step.path)
        step.context.append("visited", step.path)
        answer = await _answer(act)
        self.note("end", step.path)
        return answer

    async def answer(self, step: Step) -> JsonValue:
        await self.forward(step)
        return self.script.answers.get(step.path)

    async def backward(self, undo: Undo[bool]) -> None:
        self.note("undo", undo.path)
        await _answer(self.script.undo(undo.path, undo.attempt))
        self.note("undone", undo.path)

    @property
    def registry(self) -> Registry:
        """`work`, `once` and `often` are undone, `plain` is not, `look` is read-only.

        `again` has further rounds, after 1, 2 and 4 s. `test`, `pick`, `count`, `each` are heads.
        """
        forward, backward, answer = self.forward, self.backward, self.answer

        @component("work", compensate="unwork", timeout=LIMIT, retry=Retry(attempts=2))
        async def work(step: Step) -> bool:
            return await forward(step)

        @component("once", compensate="unwork", timeout=LIMIT, lost_attempts=0)
        async def once(step: Step) -> bool:
            return await forward(step)

        @component(
            "again",
            compensate="unwork",
            timeout=LIMIT,
            lost_attempts=0,
            on_failure=OnFailure(strategy=Strategy.RETRY, rounds=3),
        )
        async def again(step: Step) -> bool:
            return await forward(step)

        @component("pick", kind="switch", timeout=LIMIT, lost_attempts=0)
        async def pick(step: Step) -> JsonValue:
            return await answer(step)

        @component("count", kind="for", timeout=LIMIT, lost_attempts=0)
        async def count(step: Step) -> JsonValue:
            return await answer(step)

        @component("each", kind="iterator", timeout=LIMIT, lost_attempts=0)
        async def each(step: Step) -> JsonValue:
            return await answer(step)

        @component(
            "often", compensate="unwork", compensate_when="always", timeout=LIMIT, lost_attempts=0
        )
        async def often(step: Step) -> bool:
            return await forward(step)

        @component("plain", timeout=LIMIT, lost_attempts=1)
        async def plain(step: Step, seen: Annotated[list[str] | None, Ctx("visited")]) -> bool:
            return await forward(step)

        @component("look", read_only=True, timeout=LIMIT, lost_attempts=0)
        async def look(step: Step) -> bool:
            return await forward(step)

        @component("test", kind="boolean", timeout=LIMIT, lost_attempts=0)
        async def test(step: Step) -> bool:
            return await forward(step)

        @component("unwork", timeout=LIMIT, retry=Retry(attempts=2))
        async def unwork(undo: Undo[bool]) -> None:
            await backward(undo)

        return Registry([work, once, again, often, plain, look, test, pick, count, each, unwork])


async def _answer(act: Act) -> bool:
    match act:
        case "ok":
            return True
        case "false":
            return False
        case "refuse":
            raise Refused("no", code="NO")
        case "error":
            raise ConnectionError("gone")
        case "hang":
            await asyncio.sleep(LIMIT)
            raise AssertionError("the time-out comes first")
        case _:
            assert_never(act)


def step(component: str, tag: str | None = None) -> StepNode:
    return StepNode(component=component, tag=tag)


def then(*items: PlanNode) -> ThenNode:
    return ThenNode(items=items)


def when(*items: PlanNode) -> WhenNode:
    return WhenNode(items=items)


def branch(test: PlanNode, yes: PlanNode, no: PlanNode | None = None) -> IfNode:
    return IfNode(test=test, then=yes, otherwise=no)


def steps_of(node: PlanNode, path: str = "0") -> dict[str, StepNode]:
    """Every step of a block by its path, in order of the text."""
    match node:
        case StepNode():
            return {path: node}
        case ThenNode() | WhenNode():
            parts: Sequence[PlanNode | None] = node.items
        case IfNode():
            parts = (node.test, node.then, node.otherwise)
        case ChainNode():
            parts = (node.body,)
        case _:
            raise NotImplementedError(node.op)
    return {
        at: found
        for index, part in enumerate(parts)
        if part is not None
        for at, found in steps_of(part, f"{path}.{index}").items()
    }


def frozen(root: PlanNode, registry: Registry, options: SagaOptions | None = None) -> Frost:
    plan = Plan(
        chain="scripted",
        version=1,
        sha="plan",
        root=root,
        components=registry.policies,
        nodes=1,
    )
    return Frost(plan=plan, request_sha="request", options=options or SagaOptions(unattended=True))


@dataclass(frozen=True)
class Ran:
    """A run that has ended: the execution, and what its components did."""

    root: PlanNode
    execution: Execution
    events: list[Event]

    @property
    def entries(self) -> dict[str, StackEntry]:
        return {entry.path: entry for entry in self.execution.stack}

    @property
    def outcomes(self) -> dict[str, tuple[str, EntryStatus | None, EntryStatus, int]]:
        """What is left of each step, in whatever order they ran."""
        return {
            path: (entry.component, entry.outcome, entry.status, entry.attempts)
            for path, entry in sorted(self.entries.items())
        }

    def paths(self, what: str) -> list[str]:
        return [event.path for event in self.events if event.what == what]

    def at(self, what: str, path: str) -> list[float]:
        return [event.at for event in self.events if (event.what, event.path) == (what, path)]


def run(
    root: PlanNode,
    script: Script | None = None,
    *,
    max_events: int | None = None,
    saga: bool = True,
    max_parallel: int = 50,
) -> Ran:
    """Run a plan to its end on virtual time."""
    world = World(script or Script())
    registry = world.registry
    options = SagaOptions(
        saga=saga, unattended=True, max_events=max_events, max_parallel=max_parallel
    )
    execution = run_virtual(
        execute(
            "acme",
            "order-1",
            frozen(root, registry, options),
            registry,
            Runner(Provider()),
            clock=VirtualClock(),
        )
    )
    return Ran(root, execution, world.events)


def run_cancelled(
    root: PlanNode, script: Script, *, at: float, max_events: int | None = None
) -> Ran:
    """The same, and at a moment of virtual time somebody cancels the saga."""
    world = World(script)
    registry = world.registry
    frost = frozen(root, registry, SagaOptions(unattended=True, max_events=max_events))
    ref = SagaRef(
        tenant="acme",
        execution_id="order-1",
        chain="scripted",
        rule_version=1,
        first_run_id="memory",
    )

    async def main() -> Execution:
        loop, clock = asyncio.get_running_loop(), VirtualClock()
        state = SagaState(started_at=clock.now())
        while True:
            runtime = InMemoryRuntime(frost, registry, Runner(Provider()), clock)
            saga = Saga(ref, frost, state, runtime)
            timer = loop.call_at(at, saga.cancel) if at >= loop.time() else None
            try:
                await saga.run()
            except Parked:
                state = SagaState.model_validate_json(state.model_dump_json())
                continue
            finally:
                if timer is not None:
                    timer.cancel()
            return saga.execution()

    execution = run_virtual(main())
    return Ran(root, execution, world.events)


def visited(execution: Execution) -> list[JsonValue]:
    seen = execution.context.get("visited", [])
    assert isinstance(seen, list)
    return seen
