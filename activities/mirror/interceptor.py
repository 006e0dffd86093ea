"""Reports the start and the end of every component activity to the mirror.

For the worker's plugin. Sees what goes in and what comes out of an attempt and nothing else: it
adds no event to Temporal's history, waits for nothing and changes nothing on the way.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor
from typing_extensions import override

from activities.mirror.changes import Attempt, Change, StepChange, UndoChange
from activities.mirror.versions import Phase
from activities.scripts.request import script_request
from rules.execution import EntryStatus, ErrorInfo
from rules.wire import StepFailure, StepReply, StepRequest, UndoRequest

_OURS: Final = "chainsaga."


class Sink(Protocol):
    """Who takes the records: the mirror's writer."""

    def put(self, change: Change) -> None:
        """Take a record; must neither wait nor raise."""


class MirrorInterceptor(Interceptor):
    """Gives every activity worker a recorder that reports to `sink`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    @override
    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """The recorder around the next interceptor."""
        return _Recorder(next, self._sink.put)


class _Recorder(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, put: Callable[[Change], None]) -> None:
        super().__init__(next)
        self._put = put

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # Temporal's signature
        info = activity.info()
        request = _request(input.args)
        if info.activity_type.startswith(_OURS) or not isinstance(request, StepRequest):
            return await super().execute_activity(input)
        self._put(started(request, info))
        try:
            reply = await super().execute_activity(input)
        # Everything, cancellation too, is an end of this attempt; it goes on up unchanged.
        except BaseException as error:
            self._put(failed(request, info, error, datetime.now(UTC)))
            raise
        if isinstance(reply, StepReply):
            self._put(completed(request, info, reply, datetime.now(UTC)))
        return reply


def _request(given: Sequence[object]) -> object:
    """What the activity is given; that of scripts gets it as it came."""
    first = given[0] if given else None
    return script_request(first) if isinstance(first, list | tuple) else first


def started(request: StepRequest, info: activity.Info) -> Change:
    """The record of an attempt that begins."""
    record = _attempt(request, info, answers=info.attempt)
    if request.undo is None:
        return _step(request, record, EntryStatus.RUNNING)
    return _undo(request, request.undo, record, EntryStatus.COMPENSATING, EntryStatus.COMPENSATING)


def completed(request: StepRequest, info: activity.Info, reply: StepReply, at: datetime) -> Change:
    """The record of an attempt that succeeded."""
    record = _attempt(request, info, answers=reply.attempts, ended_at=at)
    if request.undo is None:
        status = EntryStatus.SKIPPED if reply.skipped else EntryStatus.COMPLETED
        return _step(request, record, status, reply)
    done = EntryStatus.COMPENSATED
    return _undo(request, request.undo, record, done, done)


def failed(request: StepRequest, info: activity.Info, error: BaseException, at: datetime) -> Change:
    """The record of an attempt that did not succeed; another one may follow."""
    failure = _failure_of(error, info.attempt)
    again = isinstance(error, ApplicationError) and not error.non_retryable
    record = _attempt(request, info, answers=failure.attempts, ended_at=at, error=failure.error)
    if request.undo is None:
        status = EntryStatus.RUNNING if again else EntryStatus(failure.outcome)
        return _step(request, record, status, failure)
    lost = EntryStatus.COMPENSATION_FAILED
    status = EntryStatus.COMPENSATING if again else lost
    return _undo(request, request.undo, record, status, lost)


def _failure_of(error: BaseException, attempt: int) -> StepFailure:
    """What the runner says of the failure; where it says nothing, the outcome is unknown."""
    if isinstance(error, ApplicationError) and error.details:
        detail = error.details[0]
        if isinstance(detail, StepFailure):
            return detail
        try:
            return StepFailure.model_validate(detail)
        except ValidationError:
            pass  # not the runner's: judged by its words below
    code = "STEP_FAILED" if isinstance(error, Exception) else "INTERRUPTED"
    kind = type(error).__name__
    info = ErrorInfo(type=kind, message=str(error) or kind, code=code)
    return StepFailure(outcome="UNKNOWN", error=info, attempts=attempt)


def _attempt(
    request: StepRequest,
    info: activity.Info,
    *,
    answers: int,
    ended_at: datetime | None = None,
    error: ErrorInfo | None = None,
) -> Attempt:
    return Attempt(
        saga=request.saga,
        path=request.path,
        seq=request.seq,
        tag=request.tag,
        scheduled_at=info.scheduled_time,
        started_at=info.started_time,
        attempt=info.attempt,
        phase=Phase.START if ended_at is None else Phase.END,
        answers=answers,
        # The start is the server's clock and the end is ours: never let it end before it began.
        ended_at=None if ended_at is None else max(ended_at, info.started_time),
        error=error,
    )


def _step(
    request: StepRequest,
    record: Attempt,
    status: EntryStatus,
    answer: StepReply | StepFailure | None = None,
) -> StepChange:
    return StepChange(
        record=record,
        component=request.component,
        status=status,
        output=answer.output if isinstance(answer, StepReply) else None,
        name=request.name,
        note=answer.note if answer else None,
        sub_runs=answer.sub_runs if answer else None,
    )


def _undo(
    request: StepRequest,
    undo: UndoRequest,
    record: Attempt,
    status: EntryStatus,
    attempt_status: EntryStatus,
) -> UndoChange:
    return UndoChange(
        record=record,
        component=request.component,
        status=status,
        attempt_status=attempt_status,
        step_component=undo.component,
        step_outcome=EntryStatus(undo.outcome),
        step_attempts=undo.attempts,
        step_error=undo.error,
        step_input=undo.input,
    )
