"""A case on Temporal, each attempt held back until it is its turn, and what came of it.

The model says in which order attempts end and when the operator acts. An attempt answers when all
that comes before it has been seen in the workflow. Times that pass by themselves (back-off,
deadlines, time-outs) are short, and cases where one of them would race with something are left out.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.execute import component_activities
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry
from activities.runner import Provider, Runner
from activities.system import system_activities
from migrations.run import upgrade
from rules.decisions import DecisionRecord
from rules.execution import EntryStatus, Execution
from rules.plan import ComponentPolicy, PlanNode, StepNode, Target, WhenNode
from rules.source.engine import create_engine_for
from rules.source.service import RuleSource
from rules.wire import DECISIONS_QUERY, EXECUTION_QUERY, ChainInput, SagaResult
from tests.property.cases import INTERVAL
from tests.property.chains import nodes, parts
from tests.property.components import ALL, PLAYS, perform
from tests.property.model import Saga
from tests.property.model_case import Answer, Case, Span, place_of
from tests.property.model_flow import FINALLY_SECONDS
from tests.property.seen import OPERATOR, Seen, frost_of, payload_of, seen
from tests.property.settings import DEADLINE
from tests.workflows.lab import ending as ending_of
from workflows.paths import below
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

QUEUE: Final = "short-chains"
SHORT: Final = 0.3
HANGING: Final = 2.0
PASSING: Final = 1.0
BEAT: Final = 6.0
LONG: Final = 600.0
LIMIT: Final = 45.0
PAUSE: Final = 0.02

T = TypeVar("T")

Handle = WorkflowHandle[object, SagaResult]


@asynccontextmanager
async def open_worker(address: str, home: Path) -> AsyncIterator[Client]:
    """A worker with the components of the short chains."""
    engine = create_engine_for(f"sqlite:///{home}/short.db", "short")
    upgrade(engine)
    registry, writer = Registry(ALL), MirrorWriter(engine)
    rules = RuleSource(engine, "short", "default", registry.policies)
    with ThreadPoolExecutor(8) as executor:
        runner = Runner(Provider(), executor)
        plugin = saga_plugin(
            [*component_activities(registry, runner), *system_activities(rules, writer)],
            [MirrorInterceptor(writer)],
        )
        client = await Client.connect(address, plugins=[plugin])
        async with Worker(client, task_queue=QUEUE, activity_executor=executor):
            yield client
    assert writer.close(10)
    engine.dispose()


def can_be_held(case: Case, ending: Saga) -> bool:
    """Whether nothing races with a time that passes by itself, and no step needs it both ways."""
    for place, node in nodes(case.plan.root):
        own = [span for span in ending.spans if place_of(span.path) == place]
        for doing in ("wait", "back-off"):
            if len({_by_itself(case, span) for span in own if span.doing == doing}) > 1:
                return False
        cancels = case.action is not None and case.action.in_flight == "cancel"
        if cancels and isinstance(node, StepNode) and own:
            retry = case.plan.components[node.component].retry
            if node.retry or (retry and retry.attempts > 1):
                return False
    limits = [span for span in ending.spans if span.doing == "limit"]
    if any(not _holds(case, ending, limit) for limit in limits):
        return False
    return not any(
        one is not other and one.begin < other.end and other.begin < one.end
        for one in ending.spans
        if _by_itself(case, one)
        for other in ending.spans
    )


def _holds(case: Case, ending: Saga, limit: Span) -> bool:
    """Whether nothing but its passing happens within a time limit, and that wherever it is set."""
    if limit.end == limit.begin + FINALLY_SECONDS:
        return False
    if case.action is not None and limit.begin < case.action.at < limit.end:
        return False
    within = [s for s in ending.spans if s.begin < limit.end and limit.begin < s.end]
    block = place_of(limit.path).rpartition(".")[0]
    inside = [s for s in ending.spans if below(place_of(s.path), block)]
    passed = [
        s for s in inside if s.doing == "limit" and place_of(s.path).rpartition(".")[0] == block
    ]
    return all(s.begin == limit.begin and s.end >= limit.end for s in within) and all(
        any(passing.begin <= s.begin < passing.end for passing in passed)
        for s in inside
        if s.doing == "run"
    )


def _by_itself(case: Case, span: Span) -> bool:
    """Whether the span ends because time passes; of limits the whole is known."""
    if span.doing == "run":
        return case.script(span.path).act(span.path, span.number) == "hang"
    if span.doing == "wait":
        return span.end == span.begin + DEADLINE
    return span.doing == "back-off" and span.end - span.begin in (INTERVAL, 2 * INTERVAL)


class HeldPlay:
    """Components that answer in the model's order, and the operator who acts in between."""

    def __init__(self, case: Case, ending: Saga) -> None:
        self.case, self.ending = case, ending
        self.handle: Handle | None = None
        self.calls: Counter[str] = Counter()
        self.begun: set[Span] = set()
        self.answered: set[Span] = set()
        self.acted = asyncio.Event()

    async def forward(self, path: str) -> Answer:
        span, script = self._call(path, "run"), self.case.script(path)
        act = script.act(path, self.calls[path])
        if span is not None:
            await self._turn(span)
            self.answered.add(span)
            if act == "hang" or self._is_cancelled(span):
                await asyncio.Event().wait()
        perform(act)
        return script.answer(path)

    async def backward(self, path: str) -> None:
        span = self._call(path, "undo")
        if span is not None:
            await self._turn(span)
        perform(self.case.script(path).act(path, self.calls[f"{path}!"], undo=True))

    def _call(self, path: str, doing: str) -> Span | None:
        name = path if doing == "run" else f"{path}!"
        self.calls[name] += 1
        for span in self.ending.spans:
            if (span.doing, span.path, span.number) == (doing, path, self.calls[name]):
                self.begun.add(span)
                return span
        return None

    async def _turn(self, span: Span) -> None:
        for other in sorted(self.ending.spans, key=lambda s: s.end):
            if span.begin < other.end < span.end:
                await self._passed(other)
        action = self.case.action
        if action is not None and span.begin < action.at < span.end:
            await self.acted.wait()

    def _is_cancelled(self, span: Span) -> bool:
        action = self.case.action
        return action is not None and action.in_flight == "cancel" and span.end == action.at

    async def _passed(self, span: Span) -> None:
        """Wait until the workflow knows that an attempt or a time limit has ended."""
        if span.doing == "run":
            await self._seen(span)
        if span.doing == "limit":
            number = sum(s.doing == "limit" and s.end <= span.end for s in self.ending.spans)

            async def over() -> bool:
                return await self._limits_passed() >= number

            await until(over)

    async def _limits_passed(self) -> int:
        assert self.handle is not None
        try:
            history = await self.handle.fetch_history()
        except RPCError:
            return 0
        limits = {
            event.event_id
            for event in history.events
            if b"limit of" in event.user_metadata.summary.data
        }
        fired = (e.timer_fired_event_attributes for e in history.events)
        return sum(timer.started_event_id in limits for timer in fired)

    async def _seen(self, span: Span) -> None:
        """Wait until the workflow knows the answer of an attempt."""

        async def known() -> bool:
            if span not in self.answered:
                return False
            if any(s.path == span.path and s.begin >= span.end for s in self.begun):
                return True
            execution = await self.execution()
            waiting = {wait.path for wait in execution.waiting}
            status = next((e.status for e in execution.stack if e.path == span.path), None)
            return status is not EntryStatus.RUNNING or span.path in waiting

        if self._ends_a_round(span):
            await until(known)

    def _ends_a_round(self, span: Span) -> bool:
        """Whether no attempt of the same policy follows, which the workflow would not see."""
        later = [s for s in self.ending.spans if s.path == span.path and s.begin >= span.end]
        return not later or later[0].doing != "run"

    async def execution(self) -> Execution:
        return await self._ask(EXECUTION_QUERY, Execution)

    async def decisions(self) -> list[DecisionRecord]:
        return await self._ask(DECISIONS_QUERY, list[DecisionRecord])

    async def _ask(self, query: str, answer: type[T]) -> T:
        assert self.handle is not None
        while True:
            try:
                found: T = await self.handle.query(query, result_type=answer)
            except (RPCError, WorkflowQueryFailedError):  # a busy machine may answer too late
                await asyncio.sleep(PAUSE)
            else:
                return found

    async def act(self) -> None:
        """Be the operator, at the moment of the case."""
        action, handle = self.case.action, self.handle
        assert action is not None
        assert handle is not None
        before = [span for span in self.ending.spans if span.begin < action.at]
        now = {span.path for span in before if action.at <= span.end}
        asked = {s.path for s in before if s.doing in ("wait", "blocked") and action.at <= s.end}
        calls = {span for span in before if span.number and span.doing != "back-off"}
        ended = [span for span in before if span.doing in ("run", "limit")]

        async def is_set() -> bool:
            return calls <= self.begun

        async def is_asked() -> bool:
            waiting = (await self.execution()).waiting
            return asked == {w.path.removesuffix("!") for w in waiting if w.person}

        async def is_judged() -> bool:
            return any(OPERATOR in (d.decision_id, d.kind) for d in await self.decisions())

        await until(is_set)
        for span in sorted(ended, key=lambda s: s.end):
            if span.end < action.at:
                await self._passed(span)
        if asked or not now:
            await until(is_asked)
        if action.kind == "cancel":
            await handle.cancel()
        else:
            await handle.signal(action.kind, payload_of(action))
        await until(is_judged)
        self.acted.set()

    async def end(self) -> None:
        """Wait until the saga has ended, or stands for good."""
        assert self.handle is not None
        if self.ending.status != "COMPENSATION_BLOCKED":
            await ending_of(self.handle)
            return
        undos = {span for span in self.ending.spans if span.doing == "undo"}

        async def stands() -> bool:
            return undos <= self.begun and (await self.execution()).status.value == (
                self.ending.status
            )

        await until(stands)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition of another process; the case as a whole has the limit."""
    while not await holds():  # noqa: ASYNC110 - nobody could set an event
        await asyncio.sleep(PAUSE)


async def on_temporal(client: Client, case: Case, ending: Saga) -> Seen:
    """Run a case until it ends, or stands for good."""
    id = uuid4().hex
    play = PLAYS[id] = HeldPlay(case, ending)
    frost = frost_of(case)
    components = {
        name: _in_real_time(case, ending, policy) for name, policy in frost.plan.components.items()
    }
    passed = {place_of(s.path).rpartition(".")[0] for s in ending.spans if s.doing == "limit"}
    root = _in_real_limits(frost.plan.root, "0", passed)
    plan = frost.plan.model_copy(update={"components": components, "root": root})
    frost = frost.model_copy(update={"plan": plan})
    play.handle = await client.start_workflow(
        frost.plan.chain,
        ChainInput(frost=frost),
        id=f"acme:{id}",
        task_queue=QUEUE,
        search_attributes=TypedSearchAttributes(start_attributes("acme", frost)),
        result_type=SagaResult,
    )
    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        if case.action is not None:
            tasks.create_task(play.act())
        tasks.create_task(play.end())
    async with asyncio.timeout(LIMIT):
        execution = await play.execution()
        found = seen(execution, await play.decisions(), play.calls)
    if not execution.status.final:
        await play.handle.terminate("seen")
    return found


def _in_real_time(case: Case, ending: Saga, policy: ComponentPolicy) -> ComponentPolicy:
    """The same policy with times that a test can wait for, or that never come."""
    paths = {path for path, entry in ending.entries.items() if entry.component == policy.id}
    own = [span for span in ending.spans if span.path in paths]

    def real(doing: str) -> float:
        passes = [_by_itself(case, span) for span in own if span.doing == doing]
        return SHORT if all(passes) else LONG

    hangs = any(_by_itself(case, span) for span in own if span.doing == "run")
    update: dict[str, object] = {
        "timeout": HANGING if hangs else LONG,
        # A step learns by its heartbeat that it is cancelled; a busy machine may be late with one.
        "heartbeat": BEAT if case.action and case.action.in_flight == "cancel" else LONG,
        "on_failure": policy.on_failure.model_copy(update={"deadline": real("wait")}),
    }
    if policy.retry is not None:
        interval = real("back-off")
        update["retry"] = policy.retry.model_copy(
            update={"interval": interval, "max_interval": LONG}
        )
    return policy.model_copy(update=update)


def _in_real_limits(node: PlanNode, path: str, passed: Collection[str]) -> PlanNode:
    """The same block with limits that a test can wait for, or that never come."""
    inner = {id(part): _in_real_limits(part, at, passed) for at, part in parts(node, path)}

    def real(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(real(item) for item in value)
        if isinstance(value, Target):
            return value.model_copy(update={"node": real(value.node)})
        return inner.get(id(value), value)

    update = {name: real(value) for name, value in node}
    if isinstance(node, WhenNode) and node.max_wait is not None:
        update["max_wait"] = int((PASSING if path in passed else LONG) * 1000)
    return node.model_copy(update=update)
