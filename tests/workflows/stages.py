"""Stages for the dramas: a running saga on either runtime, and how a scene is played on it.

For the test of the dramas and for the recording of their histories.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, cast
from uuid import uuid4

from pydantic import JsonValue
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from api.inprocess.execute import InMemoryExecution
from rules.compiler import ChainText, compile_chain
from rules.decisions import DecisionRecord, Verdict
from rules.execution import EntryStatus, Execution, Status
from rules.plan import FailurePolicy, Plan, RetryPolicy
from rules.wire import DECISIONS_QUERY, EXECUTION_QUERY, Frost, SagaOptions, SagaResult
from tests.workflows.dramas import Drama, Scene
from tests.workflows.lab import QUEUE, TENANT, Lab, ending

T = TypeVar("T")

RUNTIMES = {"temporal": None, "lowest": 20, "memory": None, "memory_lowest": 20}
CHANGED: dict[str, dict[str, Any]] = {
    "work": {"timeout": 1.5, "lost_attempts": 0},
    "unwork": {"retry": RetryPolicy(attempts=1)},
}


class Stage(Protocol):
    """A running saga, on either runtime."""

    async def act(self, kind: str, payload: JsonValue) -> None: ...

    async def execution(self) -> Execution: ...

    async def decisions(self) -> list[DecisionRecord]: ...

    async def end(self) -> Execution: ...


class OnTemporal:
    def __init__(self, handle: WorkflowHandle[object, SagaResult]) -> None:
        self.handle = handle

    async def act(self, kind: str, payload: JsonValue) -> None:
        if kind == "cancel":
            await self.handle.cancel()
        else:
            await self.handle.signal(kind, payload)

    async def execution(self) -> Execution:
        found: Execution = await self.handle.query(EXECUTION_QUERY, result_type=Execution)
        return found

    async def decisions(self) -> list[DecisionRecord]:
        found: list[DecisionRecord] = await self.handle.query(
            DECISIONS_QUERY, result_type=list[DecisionRecord]
        )
        return found

    async def end(self) -> Execution:
        result = await ending(self.handle)
        execution = await self.execution()
        assert result.status is execution.status
        return execution


class InMemory:
    def __init__(self, run: InMemoryExecution) -> None:
        self._run = run
        self._task = asyncio.create_task(run.run())

    async def act(self, kind: str, payload: JsonValue) -> None:
        if kind == "cancel":
            self._run.cancel()
        else:
            self._run.receive(kind, payload)

    async def execution(self) -> Execution:
        return self._run.execution()

    async def decisions(self) -> list[DecisionRecord]:
        return self._run.decisions()

    async def end(self) -> Execution:
        return await self._task


async def open_stage(lab: Lab, drama: Drama, runtime: str) -> Stage:
    plan = plan_of(lab, drama.chain, drama.policy, drama.changes)
    frost = Frost(
        plan=plan,
        request=cast(JsonValue, dict(drama.script)),
        request_sha="",
        options=SagaOptions.model_validate({**drama.options, "max_events": RUNTIMES[runtime]}),
    )
    return await stage_of(lab, frost, f"{drama.id}-{uuid4().hex[:8]}", runtime)


def plan_of(
    lab: Lab,
    chain: str,
    policy: FailurePolicy,
    changed: Mapping[str, Mapping[str, Any]],
    includes: Mapping[str, str] | None = None,
) -> Plan:
    """A chain of scripted components; what fails forward does as `policy` says, or `changed`."""
    texts = {name: ChainText(name, text) for name, text in (includes or {}).items()}
    texts["drama"] = ChainText("drama", chain)
    plan = compile_chain("drama", chains=texts, components=lab.registry.policies).plan
    components = {}
    for name, found in plan.components.items():
        scripted = {"on_failure": policy} if name in ("work", "test") else {}
        update = {**CHANGED.get(name, {}), **scripted, **changed.get(name, {})}
        components[name] = found.model_copy(update=update)
    return plan.model_copy(update={"components": components})


async def stage_of(
    lab: Lab, frost: Frost, execution_id: str, runtime: str, queue: str = QUEUE
) -> "OnTemporal | InMemory":
    """Start a saga on a runtime, `memory…` or Temporal."""
    if runtime.startswith("memory"):
        run = InMemoryExecution(
            TENANT, execution_id, frost, lab.registry, lab.runner, chains=lab.find
        )
        return InMemory(run)
    return OnTemporal(await lab.start(frost, execution_id, queue))


async def play(stage: Stage, scene: Scene) -> None:
    await until(stage.execution, lambda execution: _is_set(execution, scene))
    assert scene.act is not None
    known = len(await stage.decisions())
    await stage.act(scene.act, scene.payload)
    if scene.act == "cancel" and scene.accepted:
        return
    records = await until(stage.decisions, lambda found: len(found) > known)
    record = records[known]
    assert record.kind == scene.act
    assert (record.verdict is Verdict.ACCEPTED) is scene.accepted, record.why
    if not scene.accepted:
        assert scene.why in (record.why or "")
        return
    # The same decision once more is no second one.
    if isinstance(scene.payload, dict) and "decision_id" in scene.payload:
        await act_late(stage, scene.act, scene.payload)
        assert [r for r in await stage.decisions() if r.decision_id == record.decision_id] == [
            record
        ]


async def act_late(stage: Stage, kind: str, payload: JsonValue) -> None:
    """A further decision; the saga may have ended upon the first."""
    try:
        await stage.act(kind, payload)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


def _is_set(execution: Execution, scene: Scene) -> bool:
    tags = {entry.path: entry.tag for entry in execution.stack}
    waiting = {tags[wait.path.removesuffix("!")] for wait in execution.waiting if wait.person}
    running = scene.status is not Status.RUNNING or any(
        entry.status is EntryStatus.RUNNING and entry.tag == "b" for entry in execution.stack
    )
    undone = {e.tag for e in execution.stack if e.status is EntryStatus.COMPENSATED}
    as_said = scene.undone is None or undone == set(scene.undone)
    as_told = execution.status is scene.status and waiting == set(scene.waiting)
    return as_told and running and as_said


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    while not holds(found := await ask()):  # noqa: ASYNC110 - a condition of another process
        await asyncio.sleep(0.02)
    return found
