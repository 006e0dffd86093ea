"""The activity that undoes what a step has run, before the step itself is undone.

For the worker's plugin; it waits on the queue of the callers. The latest run comes first.
"""

from collections.abc import Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.execute import beating
from activities.found_runs import Found, family, find, undone
from rules.execution import ErrorInfo, SubRun
from rules.sub_runs import SubRunsRequest, SubRunsUndone
from rules.wire import UNDO_RUNS_ACTIVITY, StepFailure


def undo_activities() -> tuple[Callable[..., object], ...]:
    """The activity, as a worker registers it."""

    @activity.defn(name=UNDO_RUNS_ACTIVITY)
    async def undo_sub_runs(request: SubRunsRequest) -> SubRunsUndone:
        """Undo every sub-run of a step, and wait; an earlier attempt's work is found again."""
        async with beating(activity.info()):
            runs = await _all_of(request)
            told: dict[str, SubRun] = {}
            for found in reversed(runs):
                told[found.execution_id] = await undone(found)
        return SubRunsUndone(runs=tuple(told[found.execution_id] for found in runs))

    return (undo_sub_runs,)


async def _all_of(request: SubRunsRequest) -> list[Found]:
    """The sub-runs that Temporal knows; all that the step remembers must be among them."""
    client = activity.client()
    found = [run async for run in family(client, request.saga, request.path)]
    ids = {run.execution_id for run in found}
    for run in request.known:
        if run.execution_id in ids:
            continue
        late = await find(client, request.saga.tenant, run.execution_id)
        if late is not None:
            found.append(late)
        elif run.undoable:
            raise _forgotten(run)
    return found


def _forgotten(run: SubRun) -> ApplicationError:
    words = f"Temporal has forgotten '{run.execution_id}', whose stack would be undone"
    error = ErrorInfo(
        type="RunForgotten", code="RUN_FORGOTTEN", message=f"{words}; undo it by hand, and skip it"
    )
    failure = StepFailure(outcome="UNKNOWN", error=error)
    return ApplicationError(error.message, failure, type=error.type, non_retryable=True)
