"""Components as Temporal activities: one activity per component, named by its id.

For the worker's plugin. Counts answered attempts in heartbeat details, which survive attempts, so
that a lost attempt is known to the next one. Chains, stacks and statuses are not known here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.chains import Chains, TemporalLauncher
from activities.registry import Component, Registry
from activities.runner import Runner, StepError
from activities.scripts.request import script_request
from rules.sizes import DETAILS_LIMIT
from rules.sub_runs import SUB_QUEUE
from rules.wire import AttemptLog, StepReply, StepRequest

UNEXPECTED: Final = (
    "STEP_FAILED",
    "ACCESS_FAILED",
    "BAD_INPUT",
    "BAD_OUTPUT",
    "ENGINE_DOWN",
    "SCRIPT_INVALID",
)

StepActivity = Callable[[StepRequest], Awaitable[StepReply]]


def component_activities(
    registry: Registry, runner: Runner, chains: Chains | None = None
) -> Iterator[StepActivity]:
    """One activity function per component; a chain's step is scheduled by component id.

    `chains` is what those that run chains start them with.
    """
    for component in registry.values():
        yield _activity(component, runner, chains)


def script_activity(runner: Runner) -> Callable[[Sequence[RawValue]], Awaitable[StepReply]]:
    """The activity of whatever has none of its own; it knows only steps that bring a script."""

    async def run(given: Sequence[RawValue]) -> StepReply:
        request = script_request(given)
        component = None if request is None else runner.scripted(request)
        if request is None or component is None:
            id = activity.info().activity_type
            words = f"component '{id}' is not part of this deployment, and no script was sent"
            raise ApplicationError(words, type="NotFoundError")
        return await _attempted(component, request, runner, None)

    return activity.defn(dynamic=True)(run)


def _activity(component: Component, runner: Runner, chains: Chains | None) -> StepActivity:
    async def run(request: StepRequest) -> StepReply:
        return await _attempted(component, request, runner, chains)

    return activity.defn(name=component.policy.id)(run)


async def _attempted(
    component: Component, request: StepRequest, runner: Runner, chains: Chains | None
) -> StepReply:
    """One attempt as Temporal counts them. Raises ApplicationError with the outcome so far."""
    info = activity.info()
    log = _previous(info.heartbeat_details)
    launcher = _launcher(request, chains, info)
    async with beating(info, log):
        try:
            return await runner.attempt(component, request, info.attempt, log, launcher)
        except StepError as error:
            activity.heartbeat(error.log)
            raise ApplicationError(
                error.failure.error.message,
                error.failure,
                type=error.failure.error.type,
                non_retryable=error.final,
                category=_category(error),
            ) from _told(error.__cause__)
        except asyncio.CancelledError:
            # A worker that stops, or an attempt out of time, leaves them to the next attempt.
            details = activity.cancellation_details()
            if launcher is not None and details is not None and details.cancel_requested:
                await launcher.cancel(request)
            raise


def _launcher(
    request: StepRequest, chains: Chains | None, info: activity.Info
) -> TemporalLauncher | None:
    """What runs the chains of one attempt; the step waits on another queue than they run on."""
    if request.terms is None or chains is None:
        return None
    queue = info.task_queue.removesuffix(SUB_QUEUE)
    return TemporalLauncher(activity.client(), chains, queue)


def _told(cause: BaseException | None) -> BaseException | None:
    """What a component raised, for its traceback in Temporal, unless its words are too many."""
    words, found = 0, cause
    while found is not None:
        words += len(str(found))
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return cause if words <= DETAILS_LIMIT else None


def _category(error: StepError) -> ApplicationErrorCategory:
    """A refusal is business as usual: no warning with a traceback, no failure metric."""
    refused = error.failure.error.code not in UNEXPECTED
    benign = refused and error.failure.outcome == "FAILED"
    return ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED


def _previous(details: object) -> AttemptLog:
    if isinstance(details, (list, tuple)) and details:
        return AttemptLog.model_validate(details[0])
    return AttemptLog()


@asynccontextmanager
async def beating(info: activity.Info, log: AttemptLog | None = None) -> AsyncIterator[None]:
    """Heartbeat while the step runs, so that its author need not; every beat repeats the log."""
    timeout = info.heartbeat_timeout
    if timeout is None:
        yield
        return
    interval = timeout.total_seconds() / 3
    details = () if log is None else (log,)

    async def beat() -> None:
        while True:
            await asyncio.sleep(interval)
            activity.heartbeat(*details)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
