"""What workflows, activities and the API say to each other: names and messages.

The only place where `workflows` and `activities` meet. Every model here crosses Temporal as JSON,
so a new field needs a default. Must not import Temporal, SQL or anything with effects.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, Field, JsonValue

from rules.decisions import DecisionRecord, Unread, Waiting
from rules.execution import Cause, ErrorInfo, Execution, Parent, StackEntry, Status, SubRun
from rules.plan import Frozen, Kind, Plan, absent

TASK_QUEUE: Final = "chainsaga"
FREEZE_ACTIVITY: Final = "chainsaga.freeze"
MIRROR_ACTIVITY: Final = "chainsaga.mirror"
UNDO_RUNS_ACTIVITY: Final = "chainsaga.undo_sub_runs"
EXECUTION_QUERY: Final = "execution"
STATUS_QUERY: Final = "status"
UNDO_PLAN_QUERY: Final = "undo_plan"
DECISIONS_QUERY: Final = "decisions"
TREE_QUERY: Final = "tree"
UNDO_INPUT_QUERY: Final = "undo_input"
REQUEST_SHA_MEMO: Final = "chainsaga.request_sha"

SEARCH_ATTRIBUTES: Final[Mapping[str, Literal["Keyword", "Int"]]] = {
    "SagaTenant": "Keyword",
    "SagaStatus": "Keyword",
    "SagaFailedStep": "Keyword",
    "SagaBusinessKey": "Keyword",
    "SagaRuleVersion": "Int",
}


class SagaOptions(Frozen):
    """How one execution runs.

    `saga` undoes what was done when it fails. `undo_policy` says whether the other undos go on
    while one is blocked. `timeout` is the chain's own limit in seconds, `finally_max` that of each
    FINALLY. `unattended` has nobody to ask: defaults are taken at once, a failed undo is left.
    `max_events` lowers Temporal's continue-as-new hint (tests).
    """

    saga: bool = True
    unattended: bool = False
    undo_policy: Literal["stop", "continue"] = "stop"
    timeout: float | None = Field(default=None, gt=0)
    finally_max: float = Field(default=60.0, gt=0)
    max_parallel: int = Field(default=50, ge=1)
    max_events: int | None = Field(default=None, ge=20)


class Frost(Frozen):
    """What is frozen at the start of an execution and never changes.

    `parent` is that of a sub-run, `namespace` the chain's if it is not the first that is served.
    """

    plan: Plan
    request: JsonValue = None
    request_sha: str
    business_key: str | None = None
    options: SagaOptions = SagaOptions()
    parent: Parent | None = Field(default=None, exclude_if=absent)
    namespace: str | None = Field(default=None, exclude_if=absent)


class Failure(Frozen):
    """A failure on its way up through the chain: where and what."""

    path: str
    component: str
    error: ErrorInfo


class Done(Frozen):
    """The result of a finished sub-block, by which a continued run skips it.

    `skipped`: its component was not accessible. `ended`: it asked for the end of the whole flow.
    """

    value: JsonValue = None
    failure: Failure | None = None
    skipped: bool = False
    ended: bool = False


class Produced(Frozen):
    """An output that a later step may ask for, with the path that produced it."""

    path: str
    component: str
    tag: str | None = None
    value: JsonValue = None


class SagaState(BaseModel):
    """All that an execution carries through continue-as-new; owned by the interpreter.

    `rounds` counts the further rounds that a step has had; `due` are steps and undos that are to
    run again and have not begun. `passes` is the next pass of a loop, or the present one of a block
    that is retried; `begun` are blocks that owe a FINALLY. `timed_out` names the branches that took
    too long.
    """

    status: Status = Status.RUNNING
    cause: Cause | None = None
    failure: Failure | None = None
    done: dict[str, Done] = {}
    context: dict[str, JsonValue] = {}
    produced: list[Produced] = []
    stack: list[StackEntry] = []
    ended: int = 0
    undone: int = 0
    revision: int = 0
    changed_at: datetime | None = None
    started_at: datetime
    ended_at: datetime | None = None
    output: JsonValue = None
    waiting: dict[str, Waiting] = {}
    rounds: dict[str, int] = {}
    due: list[str] = []
    passes: dict[str, int] = {}
    deadlines: dict[str, datetime] = {}
    begun: list[str] = []
    timed_out: list[str] = []
    inbox: list[Unread] = []
    decisions: list[DecisionRecord] = []
    spent: float = 0.0


class SagaRef(Frozen):
    """Which execution a step belongs to."""

    tenant: str
    execution_id: str
    chain: str
    rule_version: int
    first_run_id: str


class ChainInput(Frozen):
    """The input of a chain workflow that the API starts, and of every continued run.

    `chainsaga` tells it from the bare request of a start by hand, which has no plan. `undoes` is
    the saga whose completed steps this one undoes, under the keys that they had.
    """

    chainsaga: Literal["input"] = "input"
    frost: Frost
    state: SagaState | None = None
    undoes: SagaRef | None = Field(default=None, exclude_if=absent)


class FreezeRequest(Frozen):
    """A start by hand asks the worker to freeze the chain."""

    tenant: str
    chain: str
    request: JsonValue = None


class ContextOperation(Frozen):
    """One write to the shared context (design section 4).

    `take` removes the first item of a list, and with the last one the key.
    """

    op: Literal["set", "delete", "add", "append", "take"]
    key: str
    value: JsonValue = None


class UndoRequest(Frozen):
    """What a compensation is told of the step that it undoes."""

    component: str
    outcome: Literal["COMPLETED", "FAILED", "UNKNOWN"]
    output: JsonValue = None
    input: JsonValue = None
    error: ErrorInfo | None = None
    attempts: int = 0


class Place(Frozen):
    """Where a step stands, when there is more to say than its path.

    `chain` is the included chain in whose text it stands, `indexes` and `objects` are those of the
    loops around it (outermost first), `error` is what its CATCH or FINALLY was entered with,
    `targets` are the ids that a SWITCH's head can choose from.
    """

    chain: str | None = None
    indexes: tuple[int, ...] = ()
    objects: tuple[JsonValue, ...] = ()
    bind: dict[str, str] = {}
    error: ErrorInfo | None = None
    targets: tuple[str, ...] = ()


class SubRunTerms(Frozen):
    """How the chains run that a step runs: what its own saga has, and how deep it is."""

    options: SagaOptions
    depth: int = 0
    namespace: str | None = Field(default=None, exclude_if=absent)


class ScriptCall(Frozen):
    """The script that a step runs: what it answers is what components of its `kind` answer."""

    kind: Kind
    language: str
    text: str
    sha: str


class StepRequest(Frozen):
    """One step, or one undo, as its activity gets it.

    `outputs` is keyed by `OutputNeed.name` (with `:tag` when a tag was given).
    `answers` and `lost_attempts` bound the attempts; the runner counts them. After each `round` of
    answers only failures of `retry_types` are tried again (EL `.retry`). `timeout` is seconds per
    attempt. `name` is the component's. `terms` are given where it runs chains, `script` where its
    component is one; `called` says to a script that the saga is a sub-run, whose request is its
    caller's.
    """

    saga: SagaRef
    seq: int
    path: str
    component: str
    tag: str | None = None
    data: str | None = None
    request: JsonValue = None
    outputs: dict[str, JsonValue] = {}
    context: dict[str, JsonValue] = {}
    answers: int = 1
    round: int | None = None
    retry_types: tuple[str, ...] = ()
    lost_attempts: int = 3
    timeout: float = 60.0
    place: Place | None = None
    undo: UndoRequest | None = None
    name: str | None = Field(default=None, exclude_if=absent)
    terms: SubRunTerms | None = Field(default=None, exclude_if=absent)
    script: ScriptCall | None = Field(default=None, exclude_if=absent)
    called: bool | None = Field(default=None, exclude_if=absent)

    @property
    def forward_key(self) -> str:
        """The idempotency key of the forward step, equal for every attempt, run and reset."""
        saga = self.saga
        return f"{saga.tenant}:{saga.execution_id}/{saga.first_run_id}/{self.path}/forward"

    @property
    def key(self) -> str:
        """The idempotency key of this request: of the step, or of its undo."""
        forward = self.forward_key
        return forward.removesuffix("forward") + "undo" if self.undo else forward


class StepReply(Frozen):
    """A step that completed: its output and what it writes to the context.

    `skipped`: it was not accessible and did nothing. `end`: the whole flow is to end well.
    `note` is what the attempt noted. `sub_runs` are all that the step ran, if its component runs
    chains.
    """

    output: JsonValue = None
    operations: tuple[ContextOperation, ...] = ()
    attempts: int = 1
    skipped: bool = False
    end: bool = False
    note: JsonValue = Field(default=None, exclude_if=absent)
    sub_runs: tuple[SubRun, ...] | None = Field(default=None, exclude_if=absent)


class StepFailure(Frozen):
    """A step that did not complete, after its last attempt (or, in details, after each).

    `absorbed`: its component lets the flow go on all the same. `note` and `sub_runs` are as in
    `StepReply`.
    """

    outcome: Literal["FAILED", "UNKNOWN"]
    error: ErrorInfo
    operations: tuple[ContextOperation, ...] = ()
    attempts: int = 1
    absorbed: bool = False
    note: JsonValue = Field(default=None, exclude_if=absent)
    sub_runs: tuple[SubRun, ...] | None = Field(default=None, exclude_if=absent)


def delivery_key(component: str) -> str:
    """The context's key for what is delivered to a component."""
    return f"chainsaga.delivered.{component}"


def output_key(component: str, tag: str | None) -> str:
    """The key of `StepRequest.outputs` for an `Output(component, tag)`."""
    return component if tag is None else f"{component}:{tag}"


class AttemptLog(Frozen):
    """What survives from one attempt to the next, in Temporal's heartbeat details.

    `forgone` are answers that the rounds so far might have given and did not; in `barred` attempts
    the component was not called, as the question for access failed. `ended`: an attempt of the
    present round wished for the end of the flow.
    """

    answered: int = 0
    unknown: bool = False
    forgone: int = 0
    barred: int = 0
    ended: bool = False


class SagaResult(Frozen):
    """How an execution ended: the workflow's result, or the details of its failure.

    `steps`, `undoable` and `left` are those of `SubRun`, and are there for a sub-run only.
    """

    execution_id: str
    chain: str
    rule_version: int
    status: Status
    cause: Cause | None = None
    failed_step: str | None = None
    error: ErrorInfo | None = None
    output: JsonValue = None
    context: dict[str, JsonValue] = {}
    steps: str | None = Field(default=None, exclude_if=absent)
    undoable: bool | None = Field(default=None, exclude_if=absent)
    left: bool | None = Field(default=None, exclude_if=absent)


class PlannedUndo(Frozen):
    """One line of the undo plan: what would run, with what, in this order."""

    order: int
    path: str
    component: str
    compensation: str
    outcome: str
    output: JsonValue = None
    input: JsonValue = None


class MirrorChange(Frozen):
    """The saga as a whole changed: the full execution, so that it heals what was lost."""

    execution: Execution
