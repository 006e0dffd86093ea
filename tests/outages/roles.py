"""The sagas that are under way in every drama, one for each way to end, and what each must show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rules.execution import Cause, EntryStatus, Status
from rules.source.repository import ChainRow

Act = Literal["refuse", "hold", "hold_after", "hold_lost", "break"]
# What is done to a saga: a decision, Temporal's terminate, or its start.
Deed = Literal["retry", "skip", "compensate", "cancel", "terminate", "start"]

CHAINS = (
    ChainRow(tenant="", name="line", text='THEN(act.tag("a"), act.tag("b"), act.tag("c"));'),
    ChainRow(
        tenant="",
        name="fork",
        text='THEN(act.tag("a"), WHEN(act.tag("b"), act.tag("c")), act.tag("d"));',
    ),
    ChainRow(tenant="", name="bare", text='THEN(look.tag("a"), act.tag("b"));'),
)

DONE = EntryStatus.COMPLETED
REFUSED = EntryStatus.FAILED
UNDONE = EntryStatus.COMPENSATED


@dataclass(frozen=True, slots=True)
class Role:
    """One saga: where it is when the outage begins, what is done to it, and how it ends.

    `before` is its status then, with `held` the step that runs; None: it has not begun. `ends` are
    the statuses of its steps by tag.
    """

    name: str
    status: Status
    ends: Mapping[str, EntryStatus]
    chain: str = "line"
    script: Mapping[str, Act] = field(default_factory=dict)
    before: Status | None = Status.RUNNING
    manual: bool = False
    during: Deed | None = None
    after: Deed | None = None
    cause: Cause | None = None

    @property
    def held(self) -> str | None:
        """The tag of the step that waits at the door."""
        return next((tag for tag, act in self.script.items() if act.startswith("hold")), None)

    @property
    def effects(self) -> list[tuple[str, str]]:
        """What must have happened outside, once each, by tag and deed."""
        nothing = (EntryStatus.FAILED, EntryStatus.SKIPPED)
        done = [(tag, "do") for tag, status in self.ends.items() if status not in nothing]
        return sorted(
            [*done, *((t, "undo") for t, status in self.ends.items() if status is UNDONE)]
        )

    @property
    def undos_tried_twice(self) -> set[tuple[str, str]]:
        """The blocked undo that is tried again."""
        broken = {tag.removeprefix("undo:") for tag, act in self.script.items() if act == "break"}
        return {(tag, "undo") for tag in broken if self.after == "retry"}


ROLES = (
    Role(
        "completes",
        Status.COMPLETED,
        {"a": DONE, "b": DONE, "c": DONE, "d": DONE},
        chain="fork",
        script={"b": "hold"},
    ),
    Role(
        "is-refused",
        Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE, "c": REFUSED},
        script={"b": "hold_after", "c": "refuse"},
        cause=Cause.FAILURE,
    ),
    Role(
        "loses-an-answer",
        Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE},
        script={"b": "hold_lost"},
        cause=Cause.FAILURE,
    ),
    Role(
        "fails",
        Status.FAILED,
        {"a": DONE, "b": REFUSED},
        chain="bare",
        script={"a": "hold", "b": "refuse"},
        cause=Cause.FAILURE,
    ),
    Role(
        "is-cancelled",
        Status.CANCELLED,
        {"a": UNDONE, "b": UNDONE},
        script={"b": "hold"},
        during="cancel",
        cause=Cause.CANCEL,
    ),
    Role(
        "is-terminated",
        Status.ABORTED,
        {"a": DONE, "b": REFUSED},
        script={"b": "refuse"},
        before=Status.WAITING_DECISION,
        manual=True,
        during="terminate",
    ),
    Role(
        "waits-for-a-skip",
        Status.COMPLETED,
        {"a": DONE, "b": EntryStatus.SKIPPED, "c": DONE},
        script={"b": "refuse"},
        before=Status.WAITING_DECISION,
        manual=True,
        after="skip",
    ),
    Role(
        "is-decided-meanwhile",
        Status.COMPENSATED,
        {"a": UNDONE, "b": REFUSED},
        script={"b": "refuse"},
        before=Status.WAITING_DECISION,
        manual=True,
        during="compensate",
        cause=Cause.OPERATOR,
    ),
    Role(
        "is-blocked-and-left",
        Status.PARTIALLY_COMPENSATED,
        {"a": EntryStatus.COMPENSATION_SKIPPED, "b": UNDONE, "c": REFUSED},
        script={"c": "refuse", "undo:a": "break"},
        before=Status.COMPENSATION_BLOCKED,
        after="skip",
        cause=Cause.FAILURE,
    ),
    Role(
        "is-blocked-and-mended",
        Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE, "c": REFUSED},
        script={"c": "refuse", "undo:a": "break"},
        before=Status.COMPENSATION_BLOCKED,
        after="retry",
        cause=Cause.FAILURE,
    ),
    Role(
        "comes-meanwhile",
        Status.COMPLETED,
        {"a": DONE, "b": DONE, "c": DONE},
        before=None,
        during="start",
    ),
)
