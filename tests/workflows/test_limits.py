"""Each size limit crossed on purpose, on Temporal and in memory, also with the hint lowered.

The saga undoes itself, or is refused at its start; none is terminated or stuck.
"""

import asyncio
from uuid import uuid4

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from api.inprocess.execute import InMemoryExecution
from rules.execution import Status
from tests.workflows.crossings import CROSSINGS, Crossing, frozen
from tests.workflows.heavy import DONE, text
from tests.workflows.lab import QUEUE, TENANT, UNCACHED_QUEUE, Lab
from tests.workflows.stages import RUNTIMES, InMemory, OnTemporal, Stage, play

LIMIT = 60.0

HINTS = {**RUNTIMES, "uncached": None}
TRIALS = [
    pytest.param(crossing, runtime, id=f"{crossing.id}-{runtime}")
    for crossing in CROSSINGS
    for runtime, hint in HINTS.items()
    if hint is None or not crossing.in_one_run
]


@pytest.mark.parametrize(("crossing", "runtime"), TRIALS)
async def test_ends_as_if_anything_else_had_failed(
    lab: Lab, crossing: Crossing, runtime: str
) -> None:
    id = f"{crossing.id}-{uuid4().hex[:8]}"
    stage = await _open(lab, crossing, id, runtime)
    async with asyncio.timeout(LIMIT):
        for scene in crossing.scenes:
            await play(stage, scene)
        execution = await stage.end()
    ends = [entry.status for entry in execution.stack]
    assert {status: ends.count(status) for status in ends} == dict(crossing.ends)
    assert execution.status is crossing.status
    if crossing.code is not None:
        assert execution.error is not None
        assert execution.error.code == crossing.code
        assert crossing.words in execution.error.message
        assert len(execution.error.message) < 3000
    undone = crossing.status is Status.COMPENSATED
    assert not (undone and DONE[id]), "something was done and not undone"


async def _open(lab: Lab, crossing: Crossing, id: str, runtime: str) -> Stage:
    request = text(crossing.request)
    frost = frozen(lab.registry.policies, crossing, request, HINTS[runtime])
    if runtime.startswith("memory"):
        return InMemory(InMemoryExecution(TENANT, id, frost, lab.registry, lab.runner))
    queue = UNCACHED_QUEUE if runtime == "uncached" else QUEUE
    return OnTemporal(await lab.start(frost, id, queue))


async def test_a_start_by_hand_with_too_large_a_request_fails_at_once(lab: Lab) -> None:
    handle = await lab.client.start_workflow(
        "flat", text(513), id=f"{TENANT}:{uuid4().hex}", task_queue="lab"
    )
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "TooLarge"
    assert "the request has" in str(cause)
