"""What the mirror is told: records of single attempts, and executions as a whole.

For those who tell (the interceptor, the saga-level activity, the API) and the writer. Data only.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from activities.mirror.versions import Phase
from rules.execution import EntryStatus, ErrorInfo, SubRun
from rules.wire import MirrorChange, SagaRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One record of one attempt of an activity, at its start or at its end.

    `scheduled_at` is the activity's first scheduling, the same for all its attempts. `ended_at`
    is None at the start. `answers` counts the attempts that are known to have answered or begun.
    """

    saga: SagaRef
    path: str
    seq: int
    tag: str | None
    scheduled_at: datetime
    started_at: datetime
    attempt: int
    phase: Phase
    answers: int
    ended_at: datetime | None = None
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepChange:
    """A forward step began an attempt, or ended one.

    `status` is RUNNING while another attempt may follow. `note` and `sub_runs` are the attempt's.
    """

    record: Attempt
    component: str
    status: EntryStatus
    output: JsonValue = None
    name: str | None = None
    note: JsonValue = None
    sub_runs: tuple[SubRun, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoChange:
    """An undo began an attempt, or ended one.

    `status` is the step's: COMPENSATING while another attempt may follow. `attempt_status` is of
    this attempt alone. `step_*` is what the request says of the forward step.
    """

    record: Attempt
    component: str
    status: EntryStatus
    attempt_status: EntryStatus
    step_component: str
    step_outcome: EntryStatus
    step_attempts: int
    step_error: ErrorInfo | None
    step_input: JsonValue


Change = StepChange | UndoChange | MirrorChange
"""A MirrorChange of revision 0 is the API's: it has asked for the start, nobody has answered."""
