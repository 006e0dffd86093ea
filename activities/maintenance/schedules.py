"""Temporal schedules for the jobs: made where they are missing, changed when the settings change.

For the worker, at its start. What an operator does to a schedule stays: whether it is paused, and
the note. Any number of workers may do this at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, Literal

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from rules.jobs import Job
from rules.plan import Frozen
from rules.wire import TASK_QUEUE

FORMAT: Final = 1
"""Raised when schedules of before must be written anew though no setting changed."""

SETTINGS_MEMO: Final = "chainsaga.settings"
RPC_LIMIT: Final = timedelta(seconds=10)
JITTER: Final = 20
"""A run begins up to this part of the interval late, so that not all jobs begin at once."""

Done = Literal["created", "updated", "unchanged"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recurring:
    """A job that is to run again and again; `catch_up` is how late a missed run still begins."""

    job: Job
    every: timedelta
    request: Frozen
    about: str
    catch_up: timedelta

    def fingerprint(self, queue: str) -> str:
        """What of it the settings decide."""
        parts = (FORMAT, self.job, self.every, self.catch_up, queue, self.about)
        text = "\n".join(map(str, (*parts, self.request.model_dump_json())))
        return sha256(text.encode()).hexdigest()[:16]


def schedule_id(job: Job, queue: str) -> str:
    """The id of a job's schedule; a task queue of another name has schedules of its own."""
    return job.value if queue == TASK_QUEUE else f"{job.value}.{queue}"


async def keep_all(client: Client, queue: str, recurring: Sequence[Recurring]) -> None:
    """Make or change every schedule that is not as it should be. Raises RPCError."""
    for each in recurring:
        done = await keep(client, queue, each)
        if done != "unchanged":
            _log.info(f"schedule {done}", schedule=schedule_id(each.job, queue))


async def keep(client: Client, queue: str, recurring: Recurring) -> Done:
    """Make or change one schedule. Raises RPCError."""
    id = schedule_id(recurring.job, queue)
    try:
        await client.create_schedule(
            id, _schedule(recurring, queue), memo={"about": recurring.about}, rpc_timeout=RPC_LIMIT
        )
    except ScheduleAlreadyRunningError:
        return await _bring_up_to_date(client.get_schedule_handle(id), recurring, queue)
    return "created"


async def _bring_up_to_date(handle: ScheduleHandle, recurring: Recurring, queue: str) -> Done:
    wanted = recurring.fingerprint(queue)
    if _settings_of(await handle.describe(rpc_timeout=RPC_LIMIT)) == wanted:
        return "unchanged"

    def change(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        if _settings_of(found.description) == wanted:
            return None
        made = _schedule(recurring, queue)
        return ScheduleUpdate(replace(made, state=found.description.schedule.state))

    await handle.update(change, rpc_timeout=RPC_LIMIT)
    return "updated"


def _settings_of(description: ScheduleDescription) -> str | None:
    """The fingerprint that the schedule was made with; None if somebody else has made it."""
    action = description.schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow) or action.memo is None:
        return None
    kept = action.memo.get(SETTINGS_MEMO)
    return kept.data.decode().strip('"') if isinstance(kept, Payload) else None


def _schedule(recurring: Recurring, queue: str) -> Schedule:
    """Runs begin one interval from now at the earliest: a process that starts has enough to do."""
    every = recurring.every
    return Schedule(
        action=ScheduleActionStartWorkflow(
            recurring.job.value,
            recurring.request,
            id=schedule_id(recurring.job, queue),
            task_queue=queue,
            static_summary=recurring.about,
            memo={SETTINGS_MEMO: recurring.fingerprint(queue)},
        ),
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=every)],
            start_at=datetime.now(UTC) + every,
            jitter=every / JITTER,
        ),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.SKIP, catchup_window=recurring.catch_up
        ),
        state=ScheduleState(note=recurring.about),
    )
