"""Temporal's cancel: no further step starts, running ones are awaited, what was done is undone."""

import asyncio

from temporalio.client import WorkflowHandle

from rules.compiler import ChainText, compile_chain
from rules.execution import Cause, EntryStatus, Execution, Status
from rules.wire import EXECUTION_QUERY, Frost, SagaResult
from tests.workflows.doors import DOORS, Door
from tests.workflows.lab import Lab, ending

LIMIT = 20.0


async def start(lab: Lab, id: str, text: str) -> WorkflowHandle[object, SagaResult]:
    DOORS[id] = Door()
    texts = {"cancelled": ChainText("cancelled", text)}
    compiled = compile_chain("cancelled", chains=texts, components=lab.registry.policies)
    return await lab.start(Frost(plan=compiled.plan, request=id, request_sha=""), id)


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
