"""Sagas that are asked all the while still replay: a query must leave no trace.

A query that is answered while a local activity runs ends the workflow task, and the activity's
end comes with the next one; a replay gives it to the workflow one task earlier.
"""

import asyncio
from itertools import pairwise

from temporalio.api.enums.v1 import EventType

from tests.workflows.dramas import DRAMAS
from tests.workflows.lab import Lab
from tests.workflows.replaying import replay_all
from tests.workflows.stages import OnTemporal, open_stage, play

ROUNDS = 12
AT_ONCE = 8
MARKER = EventType.EVENT_TYPE_MARKER_RECORDED
FURTHER_TASK = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
[BLOCKED] = [drama for drama in DRAMAS if drama.id == "blocked-inside-a-failed-when"]


async def test_a_run_parks_where_its_replay_does(lab: Lab) -> None:
    """Play it until a query has met a local activity; here the next step is due to park."""
    for _ in range(ROUNDS):
        if any(await asyncio.gather(*(_met_a_query(lab) for _ in range(AT_ONCE)))):
            return
    raise AssertionError(f"in {ROUNDS * AT_ONCE} sagas no query met a local activity")


async def _met_a_query(lab: Lab) -> bool:
    stage = await open_stage(lab, BLOCKED, "lowest")
    assert isinstance(stage, OnTemporal)
    for scene in BLOCKED.scenes:
        await play(stage, scene)
    await stage.end()
    first, *_rest = await replay_all(lab.client, stage.handle.id)
    kinds = [event.event_type for event in first.events]
    return (MARKER, FURTHER_TASK) in pairwise(kinds)
