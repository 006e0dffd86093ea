"""The truth table of final statuses, and the execution as it is shown.

For both runtimes and the queries. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rules.execution import Cause, EntryStatus, Execution, StackEntry, Status, steps_string
from rules.sizes import short
from rules.sub_runs import STEPS_LIMIT
from rules.wire import Frost, SagaRef, SagaResult, SagaState


@dataclass(frozen=True, slots=True)
class Seen:
    """What the truth table looks at: why the chain stopped, what is left, what was undone."""

    cause: Cause | None
    left_behind: bool
    undone: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the truth table; without `holds` no workflow can say it of itself."""

    id: str
    words: str
    status: Status
    holds: Callable[[Seen], bool] | None = None


TRUTH_TABLE: Final[Sequence[Line]] = (
    Line(
        "ended by Temporal",
        "Temporal ended it without undo: terminated, refused, or timed out by the server. The "
        "reconcile writes it, with the entries that are left behind, and raises an alert",
        Status.ABORTED,
    ),
    Line(
        "all ran",
        "no cause: every step ran, or its failure was absorbed",
        Status.COMPLETED,
        lambda seen: seen.cause is None,
    ),
    Line(
        "left, some undone",
        "some effect is left behind, and some undo ran",
        Status.PARTIALLY_COMPENSATED,
        lambda seen: seen.left_behind and seen.undone,
    ),
    Line(
        "left, none undone",
        "some effect is left behind, and no undo ran",
        Status.FAILED,
        lambda seen: seen.left_behind,
    ),
    Line(
        "cancelled",
        "the cause is `cancel`",
        Status.CANCELLED,
        lambda seen: seen.cause is Cause.CANCEL,
    ),
    Line(
        "undone",
        "some undo ran",
        Status.COMPENSATED,
        lambda seen: seen.undone,
    ),
    Line(
        "nothing happened",
        "anything else: no effect is left, and there was nothing to undo",
        Status.FAILED,
        lambda _: True,
    ),
)
"""The first line that holds gives the final status of an execution."""


def final_line(state: SagaState) -> Line:
    """The line of the truth table for an execution that has nothing more to do."""
    seen = Seen(
        cause=state.cause,
        left_behind=any(entry.left_behind for entry in state.stack),
        undone=any(entry.status is EntryStatus.COMPENSATED for entry in state.stack),
    )
    return next(line for line in TRUTH_TABLE if line.holds is not None and line.holds(seen))


def final_status(state: SagaState) -> Status:
    """The status of an execution that has nothing more to do: the first line that holds."""
    return final_line(state).status


def unknown_effects(stack: Sequence[StackEntry]) -> list[str]:
    """The paths of steps that may have happened though nobody knows it, and were not undone."""
    return [
        entry.path for entry in stack if entry.outcome is EntryStatus.UNKNOWN and entry.left_behind
    ]


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
        parent=frost.parent,
        stack=tuple(entry.model_copy() for entry in state.stack),
        waiting=tuple(state.waiting.values()),
        decisions=tuple(state.decisions),
    )


def result_of(ref: SagaRef, frost: Frost, state: SagaState) -> SagaResult:
    """How the execution ended, for the caller that waits; a sub-run's caller is told more."""
    told = SagaResult(
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
    if frost.parent is None:
        return told
    return told.model_copy(
        update={
            "steps": short(steps_string(state.stack), STEPS_LIMIT),
            "undoable": any(e.to_undo and not e.status.undo_ended for e in state.stack),
            "left": any(entry.left_behind for entry in state.stack),
        }
    )
