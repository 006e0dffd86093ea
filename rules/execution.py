"""The words of a saga: statuses, the stack entry, the execution as every reader sees it.

For the interpreter that keeps them, the mirror that stores them and the API that shows them.
Pure data; who writes it and where it is kept is not known here.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, JsonValue

from rules.decisions import DecisionRecord, Waiting
from rules.plan import Frozen


class Status(StrEnum):
    """The public status of an execution (design section 5)."""

    RUNNING = "RUNNING"
    WAITING_DECISION = "WAITING_DECISION"
    COMPENSATING = "COMPENSATING"
    COMPENSATION_BLOCKED = "COMPENSATION_BLOCKED"
    COMPLETED = "COMPLETED"
    COMPENSATED = "COMPENSATED"
    PARTIALLY_COMPENSATED = "PARTIALLY_COMPENSATED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"

    @property
    def final(self) -> bool:
        """Whether nothing can change any more."""
        return not (self.forward or self.undoing)

    @property
    def forward(self) -> bool:
        """Whether forward steps may still start."""
        return self in (Status.RUNNING, Status.WAITING_DECISION)

    @property
    def undoing(self) -> bool:
        """Whether undoing began and has not ended."""
        return self in (Status.COMPENSATING, Status.COMPENSATION_BLOCKED)


class Cause(StrEnum):
    """Why an execution did not simply complete."""

    FAILURE = "failure"
    TIMEOUT = "timeout"
    CANCEL = "cancel"
    OPERATOR = "operator"


class EntryStatus(StrEnum):
    """The status of one entry of the saga stack (design section 5)."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"
    COMPENSATING = "COMPENSATING"
    COMPENSATED = "COMPENSATED"
    COMPENSATION_FAILED = "COMPENSATION_FAILED"
    COMPENSATION_SKIPPED = "COMPENSATION_SKIPPED"

    @property
    def undo_ended(self) -> bool:
        """Whether nothing more will be tried to undo the entry."""
        return self in (EntryStatus.COMPENSATED, EntryStatus.COMPENSATION_SKIPPED)

    @property
    def undo_began(self) -> bool:
        """Whether the entry's undo was begun."""
        return self.undo_ended or self in (
            EntryStatus.COMPENSATING,
            EntryStatus.COMPENSATION_FAILED,
        )


class ErrorInfo(Frozen):
    """A failure in data: the type's name, the words, a code for programs, free details.

    `kinds` are the names, short and with their modules, of the types that the type is derived from.
    """

    type: str
    message: str
    code: str
    details: dict[str, JsonValue] = {}
    kinds: tuple[str, ...] = ()


class StackEntry(BaseModel):
    """One step on the saga stack; written before its activity starts, completed after.

    `seq` is the order of starting, `ended` the order of completion (both from 1). `outcome` keeps
    the forward outcome while `status` goes on to tell of the undo. `compensation` is the component
    that undoes it, None where nothing is to be undone. `input` and `output` are kept
    only where the compensation declares them. `error` is the step's, `undo_error` the undo's.
    """

    seq: int
    path: str
    component: str
    tag: str | None = None
    status: EntryStatus
    outcome: EntryStatus | None = None
    compensation: str | None = None
    read_only: bool = False
    input: JsonValue = None
    output: JsonValue = None
    error: ErrorInfo | None = None
    undo_error: ErrorInfo | None = None
    attempts: int = 0
    undo_attempts: int = 0
    started_at: datetime
    ended_at: datetime | None = None
    ended: int = 0
    undo_started_at: datetime | None = None
    undo_ended_at: datetime | None = None
    undone: int = 0


class Execution(Frozen):
    """An execution as the workflow itself, the mirror and the in-memory runtime report it.

    `revision` grows with every change of the saga as a whole. `changed_at` is the workflow's own
    time of that change; time first, then revision, orders late writes (also after a reset, when
    revisions repeat).
    """

    tenant: str
    execution_id: str
    chain: str
    rule_version: int
    plan_sha: str
    status: Status
    cause: Cause | None = None
    failed_step: str | None = None
    error: ErrorInfo | None = None
    business_key: str | None = None
    request_sha: str
    request: JsonValue = None
    context: dict[str, JsonValue] = {}
    output: JsonValue = None
    started_at: datetime
    ended_at: datetime | None = None
    revision: int = 0
    changed_at: datetime | None = None
    first_run_id: str = ""
    stack: tuple[StackEntry, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


def steps_string(stack: Sequence[StackEntry]) -> str:
    """LiteFlow's step string: ids in start order, one per attempt (EL reference section 5).

    A step that was left out, or whose question for access failed, leaves none.
    """
    ran = [
        entry
        for entry in stack
        if entry.outcome is not EntryStatus.SKIPPED
        and not (entry.outcome is EntryStatus.FAILED and entry.attempts == 0)
    ]
    ordered = sorted(ran, key=lambda entry: entry.seq)
    return "==>".join(e.component for e in ordered for _ in range(max(e.attempts, 1)))
