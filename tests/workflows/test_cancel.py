"""Temporal's cancel: no further step starts, running ones are awaited, what was done is undone."""

import asyncio

from temporalio.client import WorkflowHandle
from temporalio.common import TypedSearchAttributes

from rules.compiler import ChainText, compile_chain
from rules.execution import Cause, EntryStatus, Execution, Status
from rules.wire import EXECUTION_QUERY, ChainInput, Frost, SagaResult
from tests.workflows.doors import DOORS, Door
from tests.workflows.lab import QUEUE, TENANT, Lab, ending
from workflows.temporal import start_attributes

LIMIT = 20.0


async def start(lab: Lab, id: str, text: str) -> WorkflowHandle[object, SagaResult]:
    DOORS[id] = Door()
    texts = {"cancelled": ChainText("cancelled", text)}
    compiled = compile_chain("cancelled", chains=texts, components=lab.registry.policies)
    return await lab.start(Frost(plan=compiled.plan, request=id, request_sha=""), id)


async def test_a_step_is_cancelled_before_it_was_scheduled(lab: Lab) -> None:
    """The decision comes in the workflow task in which the first step begins."""
    texts = {"cancelled": ChainText("cancelled", "THEN(first, later)")}
    plan = compile_chain("cancelled", chains=texts, components=lab.registry.policies).plan
    frost = Frost(plan=plan, request="at once", request_sha="")
    handle: WorkflowHandle[object, SagaResult] = await lab.client.start_workflow(
        "cancelled",
        ChainInput(frost=frost),
        id=f"{TENANT}:at-once",
        task_queue=QUEUE,
        start_signal="compensate",
        start_signal_args=[{"in_flight": "cancel"}],
        search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
        result_type=SagaResult,
    )
    async with asyncio.timeout(LIMIT):
        result = await ending(handle)
    assert (result.status, result.cause) == (Status.FAILED, Cause.OPERATOR)
    stack = (await execution_of(handle)).stack
    assert [(entry.outcome, entry.attempts) for entry in stack] == [(EntryStatus.FAILED, 0)]


async def execution_of(handle: WorkflowHandle[object, SagaResult]) -> Execution:
    execution: Execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    return execution


async def test_cancel_awaits_the_running_step_and_undoes(lab: Lab) -> None:
    handle = await start(lab, "forward", "THEN(first, WHEN(slow, THEN(first, first)), later)")
    async with asyncio.timeout(LIMIT):
        await DOORS["forward"].reached.wait()
        await handle.cancel()
        running = await execution_of(handle)
        assert running.cause is Cause.CANCEL
        assert running.status is Status.RUNNING, "the running step is awaited before the undo"
        DOORS["forward"].opened.set()
        result = await ending(handle)
    assert (result.status, result.cause) == (Status.CANCELLED, Cause.CANCEL)
    execution = await execution_of(handle)
    assert "later" not in {entry.component for entry in execution.stack}
    assert {entry.status for entry in execution.stack} == {EntryStatus.COMPENSATED}


async def test_cancel_while_undoing_is_ignored(lab: Lab) -> None:
    handle = await start(lab, "undoing", "THEN(first, first, refuses)")
    door = DOORS["undoing"]
    async with asyncio.timeout(LIMIT):
        await door.reached.wait()
        await handle.cancel()
        door.opened.set()
        result = await ending(handle)
    assert (result.status, result.cause) == (Status.COMPENSATED, Cause.FAILURE)
    undone = [entry.undone for entry in (await execution_of(handle)).stack]
    assert undone == [2, 1, 0]
