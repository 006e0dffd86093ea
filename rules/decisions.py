"""What a person can decide about a saga, and what became of it.

For the workflow that judges decisions, the API that sends them as signals, and everybody who reads
the record. Pure data.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from rules.plan import Frozen

ID_LIMIT: Final = 128
STEP_LIMIT: Final = 512
REASON_LIMIT: Final = 1000


class DecisionKind(StrEnum):
    """The signals that carry decisions; cancel is Temporal's own."""

    RETRY = "retry"
    SKIP = "skip"
    COMPENSATE = "compensate"
    MANUAL_DECISION = "manual_decision"


class Decision(Frozen):
    """One decision as a person sent it (design section 5).

    `step` is a node path, or a component id if one such step waits. `action` is what a
    `manual_decision` asks for. `output` replaces the output of a skipped step, `context` is merged
    into the saga's context before a retry.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decision_id: str = Field(min_length=1, max_length=ID_LIMIT)
    operator: str = Field(default="temporal", min_length=1, max_length=ID_LIMIT)
    reason: str | None = Field(default=None, max_length=REASON_LIMIT)
    step: str | None = Field(default=None, max_length=STEP_LIMIT)
    action: Literal["retry", "skip", "compensate"] | None = None
    output: JsonValue = None
    context: dict[str, JsonValue] | None = None
    in_flight: Literal["await", "cancel"] = "await"


class Verdict(StrEnum):
    """What became of a decision."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class DecisionRecord(BaseModel):
    """A decision with its verdict; `why` says why it was rejected, `path` what it acted on."""

    kind: str
    decision_id: str
    operator: str
    reason: str | None = None
    step: str | None = None
    action: str | None = None
    at: datetime
    verdict: Verdict
    why: str | None = None
    path: str | None = None


class Unread(BaseModel):
    """A signal as it came, before it is judged; `unreadable` says why it was not kept whole."""

    kind: str
    payload: JsonValue = None
    unreadable: str | None = None


class Waiting(BaseModel):
    """A step, or a blocked undo, that waits: for a person, or for its next round.

    `answer` is a decision that it has not acted on yet, such as one that came while it parked.
    """

    path: str
    component: str
    since: datetime
    until: datetime | None = None
    person: bool = True
    answer: Decision | None = None
