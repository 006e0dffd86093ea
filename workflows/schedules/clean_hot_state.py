"""`chainsaga.clean-hot-state`: removes what sagas that are over have left in Redis.

For the schedule of that name.
"""

from pydantic import JsonValue
from temporalio import workflow

from rules.jobs import (
    DELETE_HOT_STATE,
    CleanHotState,
    DeleteHotState,
    HotLeftovers,
    HotStateCleaned,
    Job,
    counted,
)
from workflows.schedules.calls import call, requested


@workflow.defn(name=Job.CLEAN_HOT_STATE)
class CleanHotStateWorkflow:
    """Goes through Redis once, slice by slice."""

    @workflow.run
    async def run(self, given: JsonValue = None) -> HotStateCleaned:
        """One run."""
        request = requested(CleanHotState, given)
        done = request.so_far
        while done is None or done.cursor:
            if done is not None and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(CleanHotState(so_far=done))
            cursor = 0 if done is None else done.cursor
            found = await call(
                DELETE_HOT_STATE, DeleteHotState(cursor=cursor), HotLeftovers, "scan"
            )
            done = found if done is None else _together(done, found)
        return HotStateCleaned(
            summary=_summary(done),
            looked_at=done.looked_at,
            deleted=done.deleted,
            expiring=done.expiring,
        )


def _together(one: HotLeftovers, other: HotLeftovers) -> HotLeftovers:
    return HotLeftovers(
        looked_at=one.looked_at + other.looked_at,
        deleted=one.deleted + other.deleted,
        expiring=one.expiring + other.expiring,
        cursor=other.cursor,
        redis=other.redis,
    )


def _summary(done: HotLeftovers) -> str:
    if not done.redis:
        return "nothing to do: no Redis is set (CHAINSAGA_REDIS_URL)"
    looked_at = f"looked at {counted(done.looked_at, 'execution')} in Redis"
    deleted = f"deleted {done.deleted:,} of sagas that are over"
    expiring = f", gave {done.expiring:,} open ones an expiry" if done.expiring else ""
    return f"{looked_at}, {deleted}{expiring}"
