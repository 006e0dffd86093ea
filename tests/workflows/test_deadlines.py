"""Who does not decide: a person has a day unless the component says otherwise, on both runtimes.

On Temporal the durable timer is read from the history; in memory the day passes on virtual time.
"""

import asyncio
from datetime import timedelta

from pydantic import JsonValue
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.decisions import Verdict
from rules.execution import Cause, Execution, Status
from rules.wire import Frost, SagaResult
from tests.workflows.dramas import AB, MANUAL
from tests.workflows.lab import TENANT, Lab, ending
from tests.workflows.stages import plan_of

DAY = timedelta(days=1)
LIMIT = 60.0
REFUSED: JsonValue = {"b": ["refuse"]}


def frost_of(lab: Lab) -> Frost:
    return Frost(plan=plan_of(lab, AB, MANUAL, {}), request=REFUSED, request_sha="")


async def timer_of(handle: WorkflowHandle[object, SagaResult]) -> timedelta:
    """How long the saga would wait; as soon as it waits."""
    while True:
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
                started = event.timer_started_event_attributes
                return started.start_to_fire_timeout.ToTimedelta()
        await asyncio.sleep(0.02)


async def test_on_temporal_the_timer_is_a_day(lab: Lab) -> None:
    handle = await lab.start(frost_of(lab), "deadline-of-a-day")
    async with asyncio.timeout(LIMIT):
        assert await timer_of(handle) == DAY
        await handle.signal("skip", {})
        assert (await ending(handle)).status is Status.COMPLETED


def test_in_memory_a_day_passes_and_then_it_is_undone(lab: Lab) -> None:
    clock = VirtualClock()

    async def main() -> Execution:
        run = InMemoryExecution(
            TENANT, "a-day", frost_of(lab), lab.registry, lab.runner, clock=clock
        )
        return await run.run()

    execution = run_virtual(main())
    assert (execution.status, execution.cause) == (Status.COMPENSATED, Cause.FAILURE)
    assert execution.ended_at is not None
    assert execution.ended_at - execution.started_at == DAY
    (record,) = execution.decisions
    assert (record.kind, record.verdict) == ("deadline", Verdict.ACCEPTED)
    assert (record.action, record.operator) == ("compensate", "chainsaga")
