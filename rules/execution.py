"""The words of a saga: statuses, the stack entry, the execution as every reader sees it.

For the interpreter that keeps them, the mirror that stores them and the API that shows them.
Pure data; who writes it and where it is kept is not known here.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field, JsonValue

from rules.decisions import DecisionRecord, Waiting
from rules.plan import Frozen, absent


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


class Parent(Frozen):
    """The step that started a sub-run: its execution, its path; 1 is directly below the caller."""

    execution_id: str
    path: str
    depth: int


class SubRun(Frozen):
    """A run of a chain that a step started, as the step's entry remembers it.

    `steps` is its own step string. `undoable`: something of it can be undone still. `left`: it
    has effects that were not undone.
    """

    execution_id: str
    chain: str
    status: Status
    steps: str = ""
    undoable: bool = False
    left: bool = False


class StackEntry(BaseModel):
    """One step on the saga stack; written before its activity starts, completed after.

    `seq` is the order of starting, `ended` the order of completion (both from 1). `outcome` keeps
    the forward outcome while `status` goes on to tell of the undo. `compensation` is the component
    that undoes it, None where nothing is to be undone. `input` and `output` are kept
    only where the compensation declares them. `error` is the step's, `undo_error` the undo's.
    `name` is the component's, if it has one. `note` is what its last attempt noted. `sub_runs` is
    None unless its component runs chains.
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
    name: str | None = Field(default=None, exclude_if=absent)
    note: JsonValue = Field(default=None, exclude_if=absent)
    sub_runs: tuple[SubRun, ...] | None = Field(default=None, exclude_if=absent)

    @property
    def to_undo(self) -> bool:
        """Whether there is something to undo: by its compensation, or of what it ran."""
        return self.ended > 0 and (self.compensation is not None or self.runs_to_undo)

    @property
    def runs_to_undo(self) -> bool:
        """Whether it has sub-runs to undo, or may have: of a lost attempt nobody knows."""
        if self.sub_runs is None:
            return False
        unsure = self.outcome is EntryStatus.UNKNOWN
        return unsure or any(run.undoable for run in self.sub_runs)

    @property
    def left_behind(self) -> bool:
        """Whether an effect of it was not undone, as far as it can be known."""
        undone = self.status is EntryStatus.COMPENSATED
        unknown = self.outcome is EntryStatus.UNKNOWN
        happened = unknown or self.outcome is EntryStatus.COMPLETED
        own = happened and not self.read_only and not undone
        if self.sub_runs is None:
            return own
        return own or (unknown and not undone) or any(run.left for run in self.sub_runs)


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
    parent: Parent | None = Field(default=None, exclude_if=absent)
    stack: tuple[StackEntry, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    decisions: tuple[DecisionRecord, ...] = ()


def steps_string(stack: Sequence[StackEntry]) -> str:
    """LiteFlow's step string: `id[name]` in start order, one per attempt (EL reference section 5).

    What a step ran follows it. One that was left out, or whose question for access failed, leaves
    none.
    """
    ran = [
        entry
        for entry in stack
        if entry.outcome is not EntryStatus.SKIPPED
        and not (entry.outcome is EntryStatus.FAILED and entry.attempts == 0)
    ]
    words: list[str] = []
    for entry in sorted(ran, key=lambda entry: entry.seq):
        word = f"{entry.component}[{entry.name}]" if entry.name else entry.component
        words += [word] * max(entry.attempts, 1)
        words += [run.steps for run in entry.sub_runs or () if run.steps]
    return "==>".join(words)
