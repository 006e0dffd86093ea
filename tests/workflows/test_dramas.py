"""Every drama on Temporal and in memory, also with the history hint lowered: all must agree."""

import asyncio

import pytest

from rules.execution import EntryStatus, Execution
from tests.workflows.dramas import DRAMAS, Drama
from tests.workflows.endings import ENDINGS
from tests.workflows.lab import Lab
from tests.workflows.stages import RUNTIMES, open_stage, play

LIMIT = 30.0


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("drama", [*DRAMAS, *ENDINGS], ids=lambda drama: drama.id)
async def test_drama(lab: Lab, drama: Drama, runtime: str) -> None:
    stage = await open_stage(lab, drama, runtime)
    async with asyncio.timeout(LIMIT):
        for scene in drama.scenes:
            await play(stage, scene)
        execution = await stage.end()
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
