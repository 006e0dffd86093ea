"""What the API takes and gives, as pydantic models with examples for OpenAPI.

For the routers. The words of a saga come from `rules.execution`; nothing here reads or writes.
"""

import json
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from rules.decisions import DecisionRecord, Verdict, Waiting
from rules.execution import Cause, ErrorInfo, Execution, Parent, StackEntry, Status
from rules.plan import PolicyOverride
from rules.sizes import KEY_LIMIT, REQUEST_LIMIT
from rules.wire import PlannedUndo


def _addressable(execution_id: str) -> str:
    """An id is a part of addresses, where these would mean something else."""
    if execution_id in (".", "..") or execution_id.endswith(("/logs", "/undo-plan")):
        raise ValueError("an id may not be '.' or '..' nor end with '/logs' or '/undo-plan'")
    return execution_id


def _storable(request: JsonValue) -> JsonValue:
    """JSON as every part can keep it: Python's own reader lets more through."""
    try:
        text = json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except ValueError as error:
        raise ValueError(f"this cannot be kept as JSON in UTF-8: {error}") from error
    if size > REQUEST_LIMIT:
        raise ValueError(f"{size} bytes are too many, {REQUEST_LIMIT} are allowed")
    return request


def searchable(key: str) -> str:
    """A label that Temporal and the mirror can both search by."""
    size = len(key.encode())
    if size > KEY_LIMIT:
        raise ValueError(f"{size} bytes in UTF-8 are too many, {KEY_LIMIT} are allowed")
    return key


ExecutionId = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=128, pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$"
    ),
    AfterValidator(_addressable),
]
RequestData = Annotated[JsonValue, AfterValidator(_storable)]


class ErrorBody(BaseModel):
    """Every error: a code for programs, words for people, the failed step, what else is known."""

    code: str
    message: str
    step: str | None = None
    details: dict[str, JsonValue] = {}


_REFUSALS: Final = {
    400: "X-Tenant-Id, the cursor or the encoding of the body is malformed",
    404: "this tenant has no such chain or execution, or there is no such component",
    409: "the id is taken by another request, the chain is disabled, or the version is stale",
    422: "the request cannot be read, or the chain does not compile",
    428: "the version that was read is missing: `version`, or If-Match",
    503: "what is needed does not answer; try again, a start with the id that is given here",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:  # FastAPI's own shape
    """The refusals that a route documents, all in the one shape."""
    return {status: {"model": ErrorBody, "description": _REFUSALS[status]} for status in statuses}


class ExecuteRequest(BaseModel):
    """Start a saga. A repeated `execution_id` with the same chain and request is the same saga."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "chain": "placeOrder",
                    "request": {"item": "book", "quantity": 1, "coupon": "SPRING"},
                    "execution_id": "order-42",
                    "business_key": "customer ada",
                }
            ]
        },
    )

    chain: str = Field(min_length=1, max_length=100, description="name of a published chain")
    request: RequestData = Field(None, description="the request that components may declare")
    execution_id: ExecutionId | None = Field(
        None, description="yours, to make the start repeatable; made here when missing"
    )
    business_key: (
        Annotated[
            str, StringConstraints(min_length=1, max_length=KEY_LIMIT), AfterValidator(searchable)
        ]
        | None
    ) = Field(None, description="a label to search by, at most 200 bytes; not an identity")
    mode: Literal["sync", "async"] = Field("sync", description="wait for the end, or do not")
    wait_seconds: float = Field(30, ge=0, le=60, description="how long `sync` waits at most")
    saga: bool | None = Field(
        None, description="whether failures are undone; without it the chain's `transactional`"
    )
    timeout: float | None = Field(
        None, gt=0, description="seconds that the chain may run; waiting for people is not counted"
    )
    undo_policy: Literal["stop", "continue"] | None = Field(
        None,
        description="whether the other undos go on while one is blocked; without it the chain's "
        "own `undo_policy`, else `stop`",
    )
    overrides: dict[str, PolicyOverride] = Field(
        {}, description="policies of this execution by component id, before what they declare"
    )


class DecisionRequest(BaseModel):
    """A decision about a saga. The same `decision_id` twice is one decision."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "decision_id": "ticket-7",
                    "operator": "ann",
                    "reason": "the bank is back",
                    "step": "pay",
                }
            ]
        },
    )

    decision_id: str | None = Field(None, min_length=1, max_length=128)
    operator: str = Field("api", min_length=1, max_length=128, description="who decides")
    reason: str | None = Field(None, max_length=1000)
    step: str | None = Field(None, description="node path, or component id if one such step waits")
    action: Literal["retry", "skip", "compensate"] | None = Field(
        None, description="what a manual decision asks for"
    )
    output: RequestData = Field(None, description="in place of a skipped step's output")
    context: dict[str, RequestData] | None = Field(
        None, description="merged into the saga's context before a retry"
    )
    in_flight: Literal["await", "cancel"] = Field(
        "await", description="what becomes of running steps when the saga is to be undone"
    )


class Links(BaseModel):
    """Where to look further."""

    self: str
    logs: str
    undo_plan: str
    temporal_ui: str


class DecisionAnswer(BaseModel):
    """What became of a decision; without a verdict it waits in Temporal for a worker."""

    decision_id: str
    verdict: Verdict | None
    path: str | None = None
    status: Status | None = None
    links: Links


class ExecutionStarted(BaseModel):
    """An execution that runs on; ask `links.self` for how it goes."""

    execution_id: str
    chain: str
    rule_version: int | None = None
    status: Status
    links: Links


class ExecutionEnded(BaseModel):
    """An execution that completed."""

    execution_id: str
    chain: str
    rule_version: int
    status: Status
    output: JsonValue = Field(description="output of the step that ended last")
    context: dict[str, JsonValue]
    links: Links


class ExecutionView(BaseModel):
    """An execution as one source knew it at one moment."""

    as_of: datetime
    source: Literal["redis", "sql", "workflow"]
    tenant: str
    execution_id: str
    chain: str
    rule_version: int
    status: Status
    cause: Cause | None
    failed_step: str | None
    error: ErrorInfo | None
    business_key: str | None
    parent: Parent | None = Field(description="the step that runs it, if it is a sub-run")
    request: JsonValue
    context: dict[str, JsonValue]
    output: JsonValue
    started_at: datetime
    ended_at: datetime | None
    steps: str = Field(description="ids of the steps in the order they started, joined by ==>")
    executionStack: tuple[StackEntry, ...]  # noqa: N815 - the name that the requirement gives
    unknown_effects: list[str] = Field(
        description="paths of steps that may have happened and were not undone; "
        "a COMPLETED execution may have some, too"
    )
    stuck_since: datetime | None = Field(
        description="since when a fault in the workflow's own code holds it up; "
        "it goes on by itself with a mended worker"
    )
    stuck_why: str | None = Field(description="what the workflow's code raised")
    waiting: tuple[Waiting, ...] = Field(description="steps and undos that wait, and until when")
    decisions: tuple[DecisionRecord, ...] = Field(description="decisions with their verdicts")
    links: Links


class UndoPlanView(BaseModel):
    """What would be undone now, in order."""

    as_of: datetime
    source: Literal["redis", "sql", "workflow"]
    execution_id: str
    status: Status
    undo: list[PlannedUndo]


class InMemoryAnswer(BaseModel):
    """A chain that ran in memory, in LiteFlow's words."""

    success: bool
    chain: str
    request_id: str
    code: str | None
    message: str | None
    step: str | None = Field(description="the step that failed")
    steps: str = Field(description="LiteFlow's step string: a==>b==>c")
    output: JsonValue
    context: dict[str, JsonValue]
    unknown_effects: list[str] = Field(
        description="paths of steps that may have happened, and were not undone"
    )
    execution: Execution | None = Field(description="None for a chain that could not be run")
