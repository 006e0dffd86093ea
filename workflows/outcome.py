"""The truth table of final statuses (design section 5), and the execution as it is shown.

For both runtimes and the queries. Pure.
"""

from rules.execution import Cause, EntryStatus, Execution, StackEntry, Status
from rules.wire import Frost, SagaRef, SagaResult, SagaState


def final_status(state: SagaState) -> Status:
    """The status of an execution that has nothing more to do: the first line that holds."""
    if state.cause is None:
        return Status.COMPLETED
    undone = any(entry.status is EntryStatus.COMPENSATED for entry in state.stack)
    if any(_left_behind(entry) for entry in state.stack):
        return Status.PARTIALLY_COMPENSATED if undone else Status.FAILED
    if state.cause is Cause.CANCEL:
        return Status.CANCELLED
    return Status.COMPENSATED if undone else Status.FAILED


def open_status(state: SagaState) -> Status:
    """The public status of an execution that has not ended."""
    if state.status.undoing:
        blocked = _asks(state)
        return Status.COMPENSATION_BLOCKED if blocked else Status.COMPENSATING
    return Status.WAITING_DECISION if _asks(state) else Status.RUNNING


def _asks(state: SagaState) -> bool:
    return any(wait.person and wait.answer is None for wait in state.waiting.values())


def execution_of(ref: SagaRef, frost: Frost, state: SagaState) -> Execution:
    """The whole execution as data, for queries, the mirror and the in-memory runtime."""
    return Execution(
        tenant=ref.tenant,
        execution_id=ref.execution_id,
        chain=ref.chain,
        rule_version=ref.rule_version,
        plan_sha=frost.plan.sha,
        status=state.status,
        cause=state.cause,
        failed_step=state.failure.component if state.failure else None,
        error=state.failure.error if state.failure else None,
        business_key=frost.business_key,
        request_sha=frost.request_sha,
        request=frost.request,
        context=dict(state.context),
        output=state.output,
        started_at=state.started_at,
        ended_at=state.ended_at,
        revision=state.revision,
        changed_at=state.changed_at,
        first_run_id=ref.first_run_id,
        stack=tuple(entry.model_copy() for entry in state.stack),
        waiting=tuple(state.waiting.values()),
        decisions=tuple(state.decisions),
    )


def result_of(ref: SagaRef, state: SagaState) -> SagaResult:
    """How the execution ended, for the caller that waits."""
    return SagaResult(
        execution_id=ref.execution_id,
        chain=ref.chain,
        rule_version=ref.rule_version,
        status=state.status,
        cause=state.cause,
        failed_step=state.failure.component if state.failure else None,
        error=state.failure.error if state.failure else None,
        output=state.output,
        context=state.context,
    )


def _left_behind(entry: StackEntry) -> bool:
    happened = entry.outcome in (EntryStatus.COMPLETED, EntryStatus.UNKNOWN)
    return happened and not entry.read_only and entry.status is not EntryStatus.COMPENSATED
