"""What the scheduled jobs are called, are asked for and answer; workflows and activities meet here.

For the small workflows that Temporal schedules run, their activities, and the worker that keeps
the schedules. Every model here crosses Temporal as JSON, so a new field needs a default. Answers
begin with `summary`, which is what people read in the Web UI.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import Field, JsonValue

from rules.decisions import Waiting
from rules.execution import Status
from rules.plan import Frozen

RESERVED: Final = "chainsaga."
"""How the names of the product's own workflows, activities and schedules begin."""

OPERATOR: Final = "chainsaga.schedule"
"""Who decided, in the record of a decision that a job has sent."""

DELETE_HISTORY: Final = "chainsaga.delete-history"
DELETE_HOT_STATE: Final = "chainsaga.delete-hot-state"
FIND_TROUBLES: Final = "chainsaga.find-troubles"
RETRY_UNDOS: Final = "chainsaga.retry-undos"
SEND_ALERTS: Final = "chainsaga.send-alerts"
COMPARE_MIRROR: Final = "chainsaga.compare-mirror"

OTHERS: Final = "OTHERS"


class Job(StrEnum):
    """The jobs: names of workflow types, and of the schedules that start them."""

    CLEAN_HOT_STATE = "chainsaga.clean-hot-state"
    CLEAN_HISTORY = "chainsaga.clean-history"
    COMPENSATION_ALERT = "chainsaga.compensation-alert"
    RECONCILE = "chainsaga.reconcile"


def retention(text: str) -> dict[Status, int]:
    """Days by final status, of text such as `COMPLETED=30,OTHERS=180`.

    OTHERS is every final status that is not named; one for which nothing is said is kept for
    ever. Raises ValueError, in words.
    """
    said: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, days = part.partition("=")
        known = name == OTHERS or (name in Status.__members__ and Status(name).final)
        if not known or not days.isdecimal() or int(days) < 1:
            raise ValueError(
                f"'{part}' is not a final status (or {OTHERS}) with a number of days, "
                "such as COMPLETED=30"
            )
        said[name] = int(days)
    others = said.get(OTHERS)
    kept = {status: said.get(status.value, others) for status in Status if status.final}
    return {status: days for status, days in kept.items() if days is not None}


class Deleted(Frozen):
    """What was deleted of the history so far, or would be; `kept_open` were open after all."""

    deleted: Mapping[Status, int] = {}
    batches: int = 0
    kept_open: int = 0
    exhausted: bool = False
    keep: Mapping[Status, int] = {}

    @property
    def total(self) -> int:
        """How many executions."""
        return sum(self.deleted.values())


class DeleteHistory(Frozen):
    """A slice of the clean-up: delete at most `limit` executions, `batch` in a transaction.

    `keep` is days by final status; None: as the worker is set.
    """

    keep: Mapping[Status, int] | None = None
    limit: int = Field(ge=1)
    batch: int = Field(ge=1)
    dry_run: bool = False


class CleanHistory(Frozen):
    """The request of `chainsaga.clean-history`; `limit` executions at most in one run.

    `dry_run` only counts. `so_far` is carried through continue-as-new.
    """

    keep: Mapping[Status, int] | None = None
    limit: int = Field(default=20_000, ge=1)
    batch: int = Field(default=200, ge=1, le=1_000)
    dry_run: bool = False
    so_far: Deleted | None = None


class HistoryCleaned(Frozen):
    """What a run of `chainsaga.clean-history` did, in executions. `more` wait for the next run."""

    summary: str
    deleted: Mapping[Status, int]
    batches: int
    more: bool
    kept_open: int
    dry_run: bool


class DeleteHotState(Frozen):
    """A slice of the hot state's clean-up: where Redis' scan goes on."""

    cursor: int = 0


class HotLeftovers(Frozen):
    """What was found in Redis so far; `cursor` 0 after the last slice.

    `expiring` had no expiry, belong to open sagas and were given one. `redis` is False where the
    deployment has none.
    """

    looked_at: int = 0
    deleted: int = 0
    expiring: int = 0
    cursor: int = 0
    redis: bool = True


class CleanHotState(Frozen):
    """The request of `chainsaga.clean-hot-state`; it is carried through continue-as-new."""

    so_far: HotLeftovers | None = None


class HotStateCleaned(Frozen):
    """What a run of `chainsaga.clean-hot-state` did, in executions."""

    summary: str
    looked_at: int
    deleted: int
    expiring: int


class CompensationAlert(Frozen):
    """The request of `chainsaga.compensation-alert`.

    A blocked undo is retried up to `retries` times, the n-th time `retry_wait * 2**(n - 1)`
    seconds after it blocked. Decisions are due `before_deadline` seconds before their deadline.
    None: as the worker is set. At most `limit` sagas are asked in one run.
    """

    retries: int | None = Field(default=None, ge=0)
    retry_wait: float | None = Field(default=None, gt=0)
    before_deadline: float | None = Field(default=None, ge=0)
    limit: int = Field(default=500, ge=1)


class UndoRetry(Frozen):
    """One blocked undo that is to be tried again, as it was when it was found."""

    tenant: str
    execution_id: str
    waiting: Waiting
    number: int
    of: int


class Troubles(Frozen):
    """What was found: sagas by trouble, alerts raised just now, and what is to be done.

    `unsent` alerts wait for the webhook; `more` sagas could not be asked in this run.
    """

    blocked: int = 0
    aborted: int = 0
    due: int = 0
    raised: int = 0
    unsent: int = 0
    more: bool = False
    retries: tuple[UndoRetry, ...] = ()


class RetryUndos(Frozen):
    """Send these retries as decisions."""

    retries: tuple[UndoRetry, ...]


class Retried(Frozen):
    """How many retries the sagas accepted; the others were decided meanwhile, or have ended."""

    accepted: int = 0
    rejected: int = 0


class SendAlerts(Frozen):
    """Send what waits for the webhook."""


class Sent(Frozen):
    """How many alerts the webhook took, and how many still wait for it."""

    sent: int = 0
    left: int = 0


class AlertsRaised(Frozen):
    """What a run of `chainsaga.compensation-alert` found and did."""

    summary: str
    blocked: int
    aborted: int
    due: int
    raised: int
    sent: int
    retried: int


class Reconcile(Frozen):
    """The request of `chainsaga.reconcile`."""


class Compared(Frozen):
    """What a round of the reconcile did, in executions; `aborted` are part of the repaired."""

    checked: int = 0
    repaired: int = 0
    aborted: int = 0
    caught_up: bool = True


class Reconciliation(Frozen):
    """What a run of `chainsaga.reconcile` did, in executions. `more` wait for the next run."""

    summary: str
    checked: int
    repaired: int
    aborted: int
    rounds: int
    more: bool


class AlertKind(StrEnum):
    """What an alert is about."""

    COMPENSATION_BLOCKED = "COMPENSATION_BLOCKED"
    DECISION_DUE = "DECISION_DUE"
    ABORTED = "ABORTED"


class Alert(Frozen):
    """One alert, as the webhook gets it. `id` is the same however often it is sent.

    `step` is the component of the step, `path` where in the chain. `since` is when it blocked,
    began to wait, or ended; `until` the deadline of a decision. `left_behind` are the components
    whose effects may remain of an aborted saga. `retries` were made of `retries_at_most`.
    """

    id: str
    kind: AlertKind
    text: str
    tenant: str
    execution_id: str
    workflow_id: str
    chain: str
    business_key: str | None = None
    status: Status
    step: str | None = None
    path: str | None = None
    since: datetime
    until: datetime | None = None
    error: JsonValue = None
    retries: int = 0
    retries_at_most: int = 0
    left_behind: tuple[str, ...] = ()


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 execution`, `1,200 executions`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
