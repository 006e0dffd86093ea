"""Every drama on Temporal and in memory, also with the history hint lowered: all must agree.

What ran on Temporal is replayed, too.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from rules.execution import EntryStatus, Execution
from tests.workflows.dramas import DRAMAS, Drama
from tests.workflows.endings import ENDINGS
from tests.workflows.lab import Lab
from tests.workflows.replaying import replay_all
from tests.workflows.stages import RUNTIMES, OnTemporal, open_stage, play

LIMIT = 110.0
SIDE_BY_SIDE = 6

ALL = {(drama.id, runtime): drama for drama in (*DRAMAS, *ENDINGS) for runtime in RUNTIMES}
Trials = Mapping[tuple[str, str], "asyncio.Task[Execution]"]


@pytest_asyncio.fixture(scope="module")
async def trials(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Trials]:
    """Some dramas side by side, each as soon as there is room: most of their time is waiting."""
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def played(drama: Drama, runtime: str) -> Execution:
        async with room, asyncio.timeout(LIMIT):
            stage = await open_stage(lab, drama, runtime)
            for scene in drama.scenes:
                await play(stage, scene)
            execution = await stage.end()
            if isinstance(stage, OnTemporal):
                await replay_all(lab.client, stage.handle.id)
            return execution

    asked_for = {item.name for item in request.session.items}
    yield {
        (id, runtime): asyncio.create_task(played(drama, runtime))
        for (id, runtime), drama in ALL.items()
        if f"test_drama[{id}-{runtime}]" in asked_for
    }


@pytest.mark.parametrize(("id", "runtime"), [pytest.param(*key, id="-".join(key)) for key in ALL])
async def test_drama(trials: Trials, id: str, runtime: str) -> None:
    drama, execution = ALL[id, runtime], await trials[id, runtime]
    assert execution.status is drama.status
    assert execution.cause is drama.cause
    assert {entry.tag or "": entry.status for entry in execution.stack} == drama.ends
    outcomes = {entry.tag or "": entry.outcome for entry in execution.stack}
    assert drama.outcomes.items() <= outcomes.items()
    if drama.context is not None:
        assert execution.context == drama.context
    if drama.code is not None:
        assert execution.error is not None
        assert execution.error.code == drama.code
    _check_order(execution)


def _check_order(execution: Execution) -> None:
    """Undone after all steps in reverse order of completion; a blocked undo may come later."""
    undone = [e for e in execution.stack if e.status is EntryStatus.COMPENSATED]
    free = [e for e in undone if e.undo_attempts == 1]
    by_completion = sorted(free, key=lambda entry: entry.ended, reverse=True)
    assert sorted(free, key=lambda entry: entry.undone) == by_completion
    begun = [e.undo_started_at for e in execution.stack if e.undo_started_at is not None]
    if begun:
        started = [entry.started_at for entry in execution.stack]
        assert max(started) <= min(begun), "a step started after the first undo"
