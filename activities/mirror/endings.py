"""What Temporal knows of an execution, for a mirror that was not told.

For the reconcile. The workflow itself is asked by query, also a closed one; where no worker
answers, what Temporal keeps of the ending is put upon what the mirror has.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog
from pydantic import ValidationError
from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
    WorkflowQueryFailedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from rules.execution import EntryStatus, ErrorInfo, Execution, StackEntry, Status
from rules.wire import EXECUTION_QUERY, REQUEST_SHA_MEMO, SagaResult

RPC_LIMIT: Final = timedelta(seconds=5)
QUERY_LIMIT: Final = timedelta(seconds=3)
STATUS: Final = SearchAttributeKey.for_keyword("SagaStatus")
RULE_VERSION: Final = SearchAttributeKey.for_int("SagaRuleVersion")

_BY_ITSELF: Final = (WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED)
_NO_WORKER: Final = (
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.FAILED_PRECONDITION,
)

_log = structlog.get_logger(__name__)


def owner_of(run: WorkflowExecution) -> tuple[str, str]:
    """Tenant and execution id."""
    tenant, _, execution_id = run.id.partition(":")
    return tenant, execution_id


def status_of(run: WorkflowExecution) -> Status | None:
    """The status that the mirror should have; None when the list alone does not tell."""
    if run.status in (*_BY_ITSELF, WorkflowExecutionStatus.RUNNING):
        told = run.typed_search_attributes.get(STATUS)
        if told is None or told not in Status.__members__:
            return None
        status = Status(told)
        return status if status.final or run.status is WorkflowExecutionStatus.RUNNING else None
    return Status.ABORTED


class Witness:
    """Asks Temporal about single executions; once no worker answers, it asks none any more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._workers_answer = True

    async def is_last(self, run: WorkflowExecution) -> bool:
        """Whether no later run (a reset's) took this one's place. Raises RPCError."""
        handle = self._client.get_workflow_handle(run.id)
        try:
            return (await handle.describe(rpc_timeout=RPC_LIMIT)).run_id == run.run_id
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise

    async def ask(self, run: WorkflowExecution) -> Execution | None:
        """The execution as its workflow knows it; None if nobody answers. Raises RPCError."""
        if not self._workers_answer:
            return None
        try:
            answer: Execution = await self._handle(run).query(
                EXECUTION_QUERY, result_type=Execution, rpc_timeout=QUERY_LIMIT
            )
        except WorkflowQueryFailedError:
            return None
        except RPCError as error:
            if error.status in _NO_WORKER:
                self._workers_answer = False
            elif error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return answer

    async def ending(self, run: WorkflowExecution, known: Execution | None) -> Execution:
        """The execution in its final status; `known` is what the mirror has. Raises RPCError."""
        asked = await self.ask(run)
        if asked is not None and asked.status.final:
            return asked
        last = asked or known or await self._outline(run)
        result = await self._result(run) if run.status in _BY_ITSELF else None
        if result is not None:
            return _ended(last, result, run.close_time)
        return _aborted(last, await self._why(run), run.close_time or last.started_at)

    def _handle(self, run: WorkflowExecution) -> WorkflowHandle[object, SagaResult]:
        return self._client.get_workflow_handle(run.id, run_id=run.run_id, result_type=SagaResult)

    async def _result(self, run: WorkflowExecution) -> SagaResult | None:
        """The workflow's own last word; None if it did not end by its own will."""
        try:
            return await self._handle(run).result(follow_runs=False, rpc_timeout=RPC_LIMIT)
        except WorkflowFailureError as failure:
            cause = failure.cause
            if not isinstance(cause, ApplicationError) or not cause.details:
                return None
            try:
                return SagaResult.model_validate(cause.details[0])
            except ValidationError:
                return None

    async def _why(self, run: WorkflowExecution) -> ErrorInfo:
        """The end in Temporal's words, from the last event of the history."""
        name = run.status.name if run.status is not None else "CLOSED"
        words = f"Temporal ended the workflow: {name.lower().replace('_', ' ')}"
        events = self._handle(run).fetch_history_events(
            event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT, rpc_timeout=RPC_LIMIT
        )
        async for event in events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
                ended = event.workflow_execution_terminated_event_attributes
                words = f"{words} by '{ended.identity}': {ended.reason or 'no reason given'}"
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
                words = (
                    f"{words}: {event.workflow_execution_failed_event_attributes.failure.message}"
                )
        return ErrorInfo(type=name, code="ABORTED", message=words[:2000])

    async def _outline(self, run: WorkflowExecution) -> Execution:
        """An execution of which nobody kept more than Temporal's list."""
        tenant, execution_id = owner_of(run)
        memo = await (await self._handle(run).describe(rpc_timeout=RPC_LIMIT)).memo()
        return Execution(
            tenant=tenant,
            execution_id=execution_id,
            chain=run.workflow_type,
            rule_version=run.typed_search_attributes.get(RULE_VERSION) or 0,
            plan_sha="",
            status=Status.RUNNING,
            request_sha=str(memo.get(REQUEST_SHA_MEMO, "")),
            started_at=run.start_time,
        )


def alert(execution: Execution) -> None:
    """Say aloud that a saga ended without being undone, and what it may have left behind."""
    _log.error(
        "saga_aborted",
        tenant=execution.tenant,
        execution_id=execution.execution_id,
        chain=execution.chain,
        why=execution.error.message if execution.error else "",
        left_behind=left_behind(execution),
    )


def left_behind(execution: Execution) -> list[str]:
    """The components whose effects may remain of a saga that ended without being undone."""
    return [entry.component for entry in execution.stack if _may_be_left(entry)]


def _may_be_left(entry: StackEntry) -> bool:
    """Whether nobody knows that the step did nothing, or that it was undone."""
    harmless = entry.outcome is EntryStatus.FAILED and entry.status is not EntryStatus.RUNNING
    return not (harmless or entry.read_only or entry.status is EntryStatus.COMPENSATED)


def _ended(last: Execution, result: SagaResult, closed_at: datetime | None) -> Execution:
    """The last known state with the ending upon it.

    It is given a version just above the last one, so that the workflow's own word, which knows the
    entries better, still wins should it come late.
    """
    return last.model_copy(
        update={
            "status": result.status,
            "cause": result.cause,
            "failed_step": result.failed_step,
            "error": result.error,
            "output": result.output,
            "context": result.context,
            "waiting": (),
            "ended_at": closed_at,
            "changed_at": last.changed_at or last.started_at,
            "revision": last.revision + 1,
        }
    )


def _aborted(last: Execution, why: ErrorInfo, closed_at: datetime) -> Execution:
    return last.model_copy(
        update={
            "status": Status.ABORTED,
            "error": why,
            "output": None,
            "waiting": (),
            "ended_at": closed_at,
            "changed_at": closed_at,
            "revision": last.revision + 1,
        }
    )
