"""`chainsaga.clean-history`: deletes what the mirror has kept of ended sagas for long enough.

For the schedule of that name, and by hand (`dry_run`). A run is bounded; it says when it leaves
something for the next one.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue
from temporalio import workflow

from rules.execution import Status
from rules.jobs import (
    DELETE_HISTORY,
    CleanHistory,
    Deleted,
    DeleteHistory,
    HistoryCleaned,
    Job,
    counted,
)
from workflows.schedules.calls import call, requested

SLICE: Final = 2_000
"""Executions that one activity deletes at most."""


@workflow.defn(name=Job.CLEAN_HISTORY)
class CleanHistoryWorkflow:
    """Deletes slice by slice until nothing old is left, or the run's limit is reached."""

    @workflow.run
    async def run(self, given: JsonValue = None) -> HistoryCleaned:
        """One run."""
        request = requested(CleanHistory, given)
        done = request.so_far or Deleted()
        while not done.exhausted and done.total < request.limit:
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request.model_copy(update={"so_far": done}))
            left = request.limit - done.total
            order = DeleteHistory(
                keep=request.keep,
                limit=min(left, SLICE),
                batch=request.batch,
                dry_run=request.dry_run,
            )
            words = "count" if request.dry_run else f"up to {order.limit:,}"
            done = _together(done, await call(DELETE_HISTORY, order, Deleted, words))
        more = not done.exhausted
        summary = _summary(done, dry_run=request.dry_run, more=more)
        if more:
            workflow.logger.error("clean-history is behind: %s", summary)
        return HistoryCleaned(
            summary=summary,
            deleted=done.deleted,
            batches=done.batches,
            more=more,
            kept_open=done.kept_open,
            dry_run=request.dry_run,
        )


def _together(one: Deleted, other: Deleted) -> Deleted:
    statuses = [status for status in Status if status in one.deleted or status in other.deleted]
    return Deleted(
        deleted={s: one.deleted.get(s, 0) + other.deleted.get(s, 0) for s in statuses},
        batches=one.batches + other.batches,
        # Those that are open are met again by every slice.
        kept_open=max(one.kept_open, other.kept_open),
        exhausted=other.exhausted,
        keep=other.keep,
    )


def _summary(done: Deleted, *, dry_run: bool, more: bool) -> str:
    parts = list(_parts(done.deleted, done.keep))
    verb = "would delete" if dry_run else "deleted"
    batches = "" if dry_run else f" in {counted(done.batches, 'batch', 'batches')}"
    if not parts:
        text = f"nothing to delete: {_kept(done.keep)}"
    elif len(parts) == 1:
        text = f"{verb} {parts[0]}{batches}"
    else:
        text = f"{verb} {counted(done.total, 'execution')}{batches}: {'; '.join(parts)}"
    if more:
        text += "; more are left for the next run"
    if done.kept_open:
        text += f"; kept {counted(done.kept_open, 'execution')} that Temporal still runs"
    return text


def _parts(deleted: Mapping[Status, int], keep: Mapping[Status, int]) -> Iterator[str]:
    for status, number in deleted.items():
        if number:
            what = f"{status.value} execution"
            yield f"{counted(number, what)} older than {counted(keep.get(status, 0), 'day')}"


def _kept(keep: Mapping[Status, int]) -> str:
    if not keep:
        return "everything is kept for ever"
    shortest = min(keep.values())
    return f"nothing has been kept for longer than it should ({shortest} days and more)"
