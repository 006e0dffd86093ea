"""The Temporal runtime: steps as activities, changes as local activities, time from history.

For the chain workflow. Deterministic; what a step or a status means is not known here.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import (
    RawValue,
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
)
from temporalio.common import RetryPolicy as TemporalRetry
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
)
from temporalio.exceptions import TimeoutError as TemporalTimeout
from temporalio.workflow import ActivityCancellationType

from rules.execution import ErrorInfo, Execution
from rules.plan import ComponentPolicy, RetryPolicy
from rules.scripts import JVM_QUEUE
from rules.sizes import NAME_LIMIT
from rules.sub_runs import SUB_QUEUE, SubRunsRequest, SubRunsUndone
from rules.wire import (
    MIRROR_ACTIVITY,
    UNDO_RUNS_ACTIVITY,
    Frost,
    MirrorChange,
    StepFailure,
    StepReply,
    StepRequest,
)
from workflows.slices import Slices

TENANT: Final = SearchAttributeKey.for_keyword("SagaTenant")
STATUS: Final = SearchAttributeKey.for_keyword("SagaStatus")
FAILED_STEP: Final = SearchAttributeKey.for_keyword("SagaFailedStep")
BUSINESS_KEY: Final = SearchAttributeKey.for_keyword("SagaBusinessKey")
RULE_VERSION: Final = SearchAttributeKey.for_int("SagaRuleVersion")

MIRROR_LIMIT: Final = timedelta(seconds=1)
MOMENT: Final = timedelta(milliseconds=1)
UNDO_RUNS_LIMIT: Final = timedelta(days=7)
UNDO_RUNS_BEAT: Final = timedelta(seconds=15)
UNDO_RUNS_PAUSE: Final = timedelta(seconds=60)
UNDO_RUNS_ATTEMPTS: Final = 20

Answer = TypeVar("Answer")


class TemporalRuntime:
    """Fulfils `workflows.runtime.Runtime` inside a workflow.

    `execution` gives the execution as it stands, `show` renders the current details, whose cost
    grows with `length`: nodes of the plan, or entries of the stack.
    """

    def __init__(
        self,
        frost: Frost,
        execution: Callable[[], Execution],
        show: Callable[[], str],
        length: Callable[[], int],
    ) -> None:
        self._frost = frost
        self._execution = execution
        self._show = show
        self._length = length
        self._unshown = 0
        self._running: dict[str, tuple[workflow.ActivityHandle[StepReply], StepRequest]] = {}
        self._slices = Slices(_next_task)
        self._cancels = 0
        self._caller_cancels = 0
        self._long = False

    def now(self) -> datetime:
        """The time of the current workflow task."""
        return workflow.now()

    def should_park(self) -> bool:
        """Temporal's own hint, or the lowered one of the frozen options, as last looked at.

        It is looked at where an event of the history has woken the workflow, never after a local
        activity: a query that is answered while one runs puts its end into the next workflow
        task, a replay puts it into the one before, and the two see histories of two lengths.
        """
        return self._long

    def _look(self) -> None:
        info = workflow.info()
        limit = self._frost.options.max_events
        self._long = info.is_continue_as_new_suggested() or (
            limit is not None and info.get_current_history_length() >= limit
        )

    async def step(
        self,
        request: StepRequest,
        policy: ComponentPolicy,
        retry: RetryPolicy,
        *,
        shielded: bool = False,
    ) -> StepReply | StepFailure:
        """Schedule the component's activity; its retries are Temporal's."""
        undone = request.undo
        given = workflow.payload_converter().to_payload(request)
        cancels = self._cancels_of(request)
        mark = await self._slices.enter(len(given.data))
        if cancels != self._cancels_of(request) and not undone and not shielded:
            return _never_sent()
        handle: workflow.ActivityHandle[StepReply] = workflow.start_activity(
            request.component,
            RawValue(given),
            task_queue=_queue(policy),
            result_type=StepReply,
            activity_id=f"{request.path}!" if undone else request.path,
            summary=f"undo {undone.component}" if undone else f"step {request.component}",
            start_to_close_timeout=timedelta(seconds=policy.timeout),
            heartbeat_timeout=timedelta(seconds=policy.heartbeat),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            retry_policy=TemporalRetry(
                initial_interval=timedelta(seconds=retry.interval),
                backoff_coefficient=retry.backoff,
                maximum_interval=timedelta(seconds=max(retry.max_interval, retry.interval)),
                maximum_attempts=request.answers + request.lost_attempts,
            ),
        )
        if not undone and not shielded:
            self._running[request.path] = (handle, request)
        try:
            reply = await handle
        except ActivityError as error:
            self._look()
            return _failure(error, request)
        except asyncio.CancelledError:
            # A cancel in the workflow task that schedules it takes the schedule away.
            if cancels == self._cancels_of(request) or not handle.cancelled():
                raise
            return _never_sent()
        finally:
            self._running.pop(request.path, None)
            self._slices.leave(mark)
        self._look()
        return reply

    async def until(
        self, answered: asyncio.Future[Answer], moment: datetime | None, summary: str
    ) -> bool:
        """Wait on a condition, with a timer where there is a moment."""
        timeout = None if moment is None else max(moment - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(answered.done, timeout=timeout, timeout_summary=summary)
        except TimeoutError:
            self._look()
            return answered.done()
        self._look()
        return True

    def cancel_running(self, *, callers: bool = False) -> None:
        """Cancel the activities of forward steps; each ends when its worker says so."""
        self._caller_cancels += 1
        if not callers:
            self._cancels += 1
        for handle, request in self._running.values():
            if request.terms is not None or not callers:
                handle.cancel()

    def _cancels_of(self, request: StepRequest) -> int:
        return self._cancels if request.terms is None else self._caller_cancels

    async def undo_runs(self, request: SubRunsRequest) -> SubRunsUndone | StepFailure:
        """One activity beside the callers' own, which waits until all of them are undone."""
        try:
            undone: SubRunsUndone = await workflow.execute_activity(
                UNDO_RUNS_ACTIVITY,
                request,
                result_type=SubRunsUndone,
                task_queue=_sub_queue(),
                activity_id=f"{request.path}!runs",
                summary="undo the chains that it ran",
                start_to_close_timeout=UNDO_RUNS_LIMIT,
                heartbeat_timeout=UNDO_RUNS_BEAT,
                retry_policy=TemporalRetry(
                    maximum_interval=UNDO_RUNS_PAUSE, maximum_attempts=UNDO_RUNS_ATTEMPTS
                ),
            )
        except ActivityError as error:
            self._look()
            return _told(error) or _lost(error, attempts=UNDO_RUNS_ATTEMPTS)
        self._look()
        return undone

    def changed(self) -> None:
        """Refresh the current details; seldom for a large chain, whose rendering costs."""
        self._unshown += 1
        if self._unshown * 50 >= self._length():
            self._refresh()

    async def publish(self) -> None:
        """Tell visibility and the mirror; a mirror that is down does not hold the saga up."""
        execution = self._execution()
        self._refresh()
        updates: list[SearchAttributeUpdate[Any]] = [STATUS.value_set(execution.status.value)]
        if execution.failed_step is not None:
            updates.append(FAILED_STEP.value_set(execution.failed_step[:NAME_LIMIT]))
        workflow.upsert_search_attributes(updates)
        try:
            await workflow.execute_local_activity(
                MIRROR_ACTIVITY,
                MirrorChange(execution=execution),
                schedule_to_close_timeout=MIRROR_LIMIT,
                retry_policy=TemporalRetry(maximum_attempts=1),
            )
        except FailureError as error:
            workflow.logger.warning("the mirror was not told in time: %s", error)

    def _refresh(self) -> None:
        self._unshown = 0
        workflow.set_current_details(self._show())


def start_attributes(tenant: str, frost: Frost) -> list[SearchAttributePair[Any]]:
    """The search attributes of a new execution."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(TENANT, tenant),
        SearchAttributePair(STATUS, "RUNNING"),
        SearchAttributePair(RULE_VERSION, frost.plan.version),
    ]
    if frost.business_key is not None:
        pairs.append(SearchAttributePair(BUSINESS_KEY, frost.business_key))
    return pairs


async def _next_task() -> None:
    """Let the commands so far go to the server: a timer ends in a later workflow task."""
    await workflow.sleep(MOMENT, summary="further steps side by side")


def _never_sent() -> StepFailure:
    """The outcome of a step that was to be cancelled before it was scheduled."""
    info = ErrorInfo(type="CancelledError", code="CANCELLED", message="cancelled before it started")
    return StepFailure(outcome="FAILED", error=info, attempts=0)


def _queue(policy: ComponentPolicy) -> str | None:
    """Where a step runs if not where its workflow does."""
    if policy.runs_chains:
        return _sub_queue()
    if policy.script is not None and policy.script.jvm:
        return f"{workflow.info().task_queue}{JVM_QUEUE}"
    return None


def _sub_queue() -> str:
    """Where steps wait for the chains that they run: they must not hold up what they wait for."""
    return f"{workflow.info().task_queue}{SUB_QUEUE}"


def _failure(error: ActivityError, request: StepRequest) -> StepFailure:
    """The outcome of an activity that failed: its own words if it answered, else UNKNOWN."""
    timed_out = isinstance(error.cause, TemporalTimeout)
    most = request.answers + request.lost_attempts if timed_out else 1
    return _told(error) or _lost(error, attempts=most)


def _told(error: ActivityError) -> StepFailure | None:
    """The activity's own words, if it answered."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return StepFailure.model_validate(cause.details[0])
    return None


def _lost(error: ActivityError, *, attempts: int) -> StepFailure:
    cause = error.cause
    match cause:
        case TemporalTimeout():
            kind = cause.type.name if cause.type is not None else "unknown"
            info = ErrorInfo(type="TimeoutError", code="TIMEOUT", message=f"no answer ({kind})")
        case CancelledError():
            info = ErrorInfo(type="CancelledError", code="CANCELLED", message="cancelled midway")
        case _:
            info = ErrorInfo(type=_type(cause), code="STEP_FAILED", message=str(cause or error))
    return StepFailure(outcome="UNKNOWN", error=info, attempts=attempts)


def _type(cause: BaseException | None) -> str:
    if isinstance(cause, ApplicationError) and cause.type:
        return cause.type
    return type(cause).__name__
