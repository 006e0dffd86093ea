"""Each size limit crossed on purpose, on Temporal and in memory, also with the hint lowered.

The saga undoes itself, or is refused at its start; none is terminated or stuck.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from api.inprocess.execute import InMemoryExecution
from rules.execution import Execution, Status
from tests.workflows.crossings import CROSSINGS, Crossing, frozen
from tests.workflows.heavy import DONE, text
from tests.workflows.lab import QUEUE, TENANT, UNCACHED_QUEUE, Lab
from tests.workflows.stages import RUNTIMES, InMemory, OnTemporal, Stage, play

LIMIT = 110.0
SIDE_BY_SIDE = 4

HINTS = {**RUNTIMES, "uncached": None}
TRIALS = {
    (crossing.id, runtime): crossing
    for crossing in CROSSINGS
    for runtime, hint in HINTS.items()
    if hint is None or not crossing.in_one_run
}
Trials = Mapping[tuple[str, str], "asyncio.Task[tuple[str, Execution]]"]


@pytest_asyncio.fixture(scope="module")
async def trials(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Trials]:
    """Some trials side by side; those without a cache, whose every task replays, in single file."""
    room, single_file = asyncio.Semaphore(SIDE_BY_SIDE), asyncio.Semaphore(1)

    async def played(crossing: Crossing, runtime: str) -> tuple[str, Execution]:
        async with single_file if runtime == "uncached" else room, asyncio.timeout(LIMIT):
            id = f"{crossing.id}-{uuid4().hex[:8]}"
            stage = await _open(lab, crossing, id, runtime)
            for scene in crossing.scenes:
                await play(stage, scene)
            return id, await stage.end()

    asked_for = {item.name for item in request.session.items}
    yield {
        (id, runtime): asyncio.create_task(played(crossing, runtime))
        for (id, runtime), crossing in TRIALS.items()
        if f"{test_ends_as_if_anything_else_had_failed.__name__}[{id}-{runtime}]" in asked_for
    }


@pytest.mark.parametrize(
    ("name", "runtime"), [pytest.param(*key, id="-".join(key)) for key in TRIALS]
)
async def test_ends_as_if_anything_else_had_failed(trials: Trials, name: str, runtime: str) -> None:
    crossing = TRIALS[name, runtime]
    id, execution = await trials[name, runtime]
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
