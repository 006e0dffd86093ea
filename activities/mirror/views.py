"""What the mirror answers: pages, summaries, log lines, and the cursor between pages.

For the reader and the API that shows them. Frozen data; every answer says as of when it is.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, JsonValue, ValidationError

from activities.errors import ActivityError
from rules.decisions import DecisionRecord
from rules.execution import Cause, EntryStatus, ErrorInfo, Execution, Status
from rules.plan import Frozen


class MirrorError(ActivityError):
    """The mirror cannot answer this question."""


class BadCursor(MirrorError):
    """A cursor that no page of the mirror has given."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        super().__init__(f"'{cursor[:80]}' is not a cursor of this list")


class Mirrored(Frozen):
    """An execution, which store it is from, and as of when it is.

    `redis`: Redis knew all that SQL knows, or SQL did not answer. `sql`: SQL knew something that
    Redis did not; what Redis knew better is in it too.
    """

    execution: Execution
    source: Literal["redis", "sql"]
    as_of: datetime


class Filter(Frozen):
    """Which executions to list; what is None does not filter. `started_to` is exclusive."""

    chain: str | None = None
    status: Status | None = None
    business_key: str | None = None
    failed_step: str | None = None
    parent: str | None = None
    started_from: AwareDatetime | None = None
    started_to: AwareDatetime | None = None


class Summary(Frozen):
    """An execution in a list: without its data and its stack."""

    tenant: str
    execution_id: str
    chain: str
    rule_version: int
    status: Status
    cause: Cause | None
    failed_step: str | None
    error: ErrorInfo | None
    business_key: str | None
    started_at: datetime
    ended_at: datetime | None
    updated_at: datetime


class Page(Frozen):
    """One page, newest first; `counts` is of all that the filter finds, whatever its status."""

    items: tuple[Summary, ...]
    next_cursor: str | None
    counts: dict[Status, int]
    as_of: datetime


LogKind = Literal["step_started", "step_ended", "undo_started", "undo_ended"]


class LogLine(Frozen):
    """One thing that happened to a step. `component` is the compensation for an undo.

    `note` is what the step noted, at its end.
    """

    at: datetime
    kind: LogKind
    path: str
    component: str
    step: str
    status: EntryStatus
    attempt: int
    error: ErrorInfo | None = None
    note: JsonValue = None


class Log(Frozen):
    """What happened in an execution, in order, and who says so.

    `lines` tell of steps and undos, `decisions` of what people decided, with the verdicts.
    """

    lines: tuple[LogLine, ...]
    decisions: tuple[DecisionRecord, ...] = ()
    source: Literal["sql", "workflow"]
    as_of: datetime


class Cursor(Frozen):
    """The last row of a page: where the next one begins."""

    started_at: AwareDatetime
    execution_id: str

    def encode(self) -> str:
        """The opaque form that callers hand back."""
        return urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Raises BadCursor for anything that `encode` has not made."""
        try:
            return cls.model_validate_json(urlsafe_b64decode(text.encode()))
        except (ValueError, ValidationError) as error:
            raise BadCursor(text) from error
