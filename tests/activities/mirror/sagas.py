"""The records that a saga leaves behind, by hand: what its attempts and its workflow would tell."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import JsonValue

from activities.mirror.changes import Attempt, Change, StepChange, UndoChange
from activities.mirror.versions import Phase
from rules.decisions import DecisionRecord, Waiting
from rules.execution import Cause, EntryStatus, ErrorInfo, Execution, StackEntry, Status
from rules.wire import MirrorChange, SagaRef

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOLD_OUT = ErrorInfo(type="Refused", message="sold out", code="REFUSED")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Saga:
    """One execution, told about in seconds after noon."""

    id: str = "order-1"
    tenant: str = "acme"
    chain: str = "placeOrder"

    @property
    def ref(self) -> SagaRef:
        return SagaRef(
            tenant=self.tenant,
            execution_id=self.id,
            chain=self.chain,
            rule_version=3,
            first_run_id="run",
        )

    def asked(self, second: float = 0) -> MirrorChange:
        return self.told(second, revision=0, changed=None)

    def told(
        self,
        started: float = 0,
        *stack: StackEntry,
        revision: int = 1,
        changed: float | None = 0,
        ended: float | None = None,
        status: Status = Status.RUNNING,
        cause: Cause | None = None,
        failed_step: str | None = None,
        business_key: str | None = None,
        waiting: tuple[Waiting, ...] = (),
        decisions: tuple[DecisionRecord, ...] = (),
    ) -> MirrorChange:
        return MirrorChange(
            execution=Execution(
                tenant=self.tenant,
                execution_id=self.id,
                chain=self.chain,
                rule_version=3,
                plan_sha="plan",
                request_sha="request",
                request={"item": "book"},
                status=status,
                cause=cause,
                failed_step=failed_step,
                error=SOLD_OUT if failed_step else None,
                business_key=business_key,
                started_at=at(started),
                ended_at=None if ended is None else at(ended),
                changed_at=None if changed is None else at(changed),
                revision=revision,
                first_run_id="run",
                stack=stack,
                waiting=waiting,
                decisions=decisions,
            )
        )

    def step(
        self,
        scheduled: float,
        *,
        path: str = "0",
        seq: int = 1,
        component: str = "deductStock",
        attempt: int = 1,
        ended: float | None = None,
        status: EntryStatus = EntryStatus.RUNNING,
        output: JsonValue = None,
        error: ErrorInfo | None = None,
    ) -> StepChange:
        record = self._record(scheduled, path, seq, attempt=attempt, ended=ended, error=error)
        return StepChange(record=record, component=component, status=status, output=output)

    def undo(
        self,
        scheduled: float,
        *,
        path: str = "0",
        seq: int = 1,
        component: str = "deductStock",
        attempt: int = 1,
        ended: float | None = None,
        status: EntryStatus = EntryStatus.COMPENSATING,
        error: ErrorInfo | None = None,
    ) -> UndoChange:
        failed = EntryStatus.COMPENSATION_FAILED if error else status
        return UndoChange(
            record=self._record(scheduled, path, seq, attempt=attempt, ended=ended, error=error),
            component=f"undo_{component}",
            status=status,
            attempt_status=failed,
            step_component=component,
            step_outcome=EntryStatus.COMPLETED,
            step_attempts=1,
            step_error=None,
            step_input={"item": "book"},
        )

    def _record(
        self,
        scheduled: float,
        path: str,
        seq: int,
        *,
        attempt: int,
        ended: float | None,
        error: ErrorInfo | None,
    ) -> Attempt:
        return Attempt(
            saga=self.ref,
            path=path,
            seq=seq,
            tag=None,
            scheduled_at=at(scheduled),
            started_at=at(scheduled + 0.1 * attempt),
            attempt=attempt,
            phase=Phase.START if ended is None else Phase.END,
            answers=attempt,
            ended_at=None if ended is None else at(ended),
            error=error,
        )


def entry(
    started: float,
    *,
    path: str = "0",
    seq: int = 1,
    component: str = "deductStock",
    status: EntryStatus = EntryStatus.COMPLETED,
    ended: float | None = None,
    undo_started: float | None = None,
    undo_ended: float | None = None,
) -> StackEntry:
    return StackEntry(
        seq=seq,
        path=path,
        component=component,
        status=status,
        outcome=None if ended is None else EntryStatus.COMPLETED,
        compensation=f"undo_{component}",
        attempts=0 if ended is None else 1,
        started_at=at(started),
        ended_at=None if ended is None else at(ended),
        ended=0 if ended is None else seq,
        undo_attempts=0 if undo_ended is None else 1,
        undo_started_at=None if undo_started is None else at(undo_started),
        undo_ended_at=None if undo_ended is None else at(undo_ended),
        undone=0 if undo_ended is None else seq,
    )


def five_steps(saga: Saga) -> list[Change]:
    """What the mirror is told of a saga of five steps: twelve changes."""
    changes: list[Change] = [saga.asked()]
    stack = []
    for i in range(5):
        place: dict[str, Any] = {"path": f"0.{i}", "seq": i + 1}
        changes.append(saga.step(i, **place))
        done = EntryStatus.COMPLETED
        changes.append(saga.step(i, ended=i + 0.5, status=done, output=i, **place))
        stack.append(entry(i, ended=i + 0.5, **place))
    final = saga.told(0, *stack, changed=9, ended=9, status=Status.COMPLETED)
    return [*changes, final]
