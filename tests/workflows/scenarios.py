"""The table of whole sagas that run on both runtimes: chain, request, and how each must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from rules.execution import EntryStatus, Status

CHAINS = {
    "nested": """
        THEN(
          createOrder,
          WHEN(deductStock, THEN(freezeCoupon, IF(isVip.tag("first"), notify.tag("early")))),
          IF(isVip.tag("second"), tail, THEN(notify.tag("late"), pay))
        )""",
    "tail": 'THEN(pay, notify.tag("late"))',
    "flat": "THEN(createOrder, WHEN(deductStock, freezeCoupon), pay, notify)",
}

# The nested chain's steps by `component:tag`, as a VIP's order meets them; the WHEN's two branches
# are deductStock, and the three behind it.
BEFORE_WHEN = ("createOrder",)
BRANCH = ("freezeCoupon", "isVip:first", "notify:early")
WHEN = ("deductStock", *BRANCH)
AFTER_WHEN = ("isVip:second", "pay", "notify:late")
ALL = (*BEFORE_WHEN, *WHEN, *AFTER_WHEN)

OUTCOMES = {"refuse": EntryStatus.FAILED, "error_after": EntryStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One saga. `started` and `undone` are steps by `component:tag`, in no order."""

    id: str
    status: Status
    chain: str = "nested"
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    failed: str | None = None
    outcome: EntryStatus | None = None
    attempts: int = 1
    started: frozenset[str] = frozenset(ALL)
    undone: frozenset[str] = frozenset()
    overrides: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def started_until(failed: str) -> frozenset[str]:
    """The steps that start when one fails: siblings in a WHEN run to their end, later ones not."""
    if failed in BEFORE_WHEN:
        return frozenset(BEFORE_WHEN)
    if failed == "deductStock":
        return frozenset((*BEFORE_WHEN, *WHEN))
    if failed in BRANCH:
        until = BRANCH[: BRANCH.index(failed) + 1]
        return frozenset((*BEFORE_WHEN, "deductStock", *until))
    return frozenset(ALL[: ALL.index(failed) + 1])


def failing(step: str, fault: str) -> Scenario:
    """A VIP's order in which one step fails in one way."""
    outcome = OUTCOMES[fault]
    started = started_until(step)
    # The heads of IF are read-only: nothing of them is to be undone.
    undoable = {found for found in started if not found.startswith("isVip")}
    undone = undoable - {step} if outcome is EntryStatus.FAILED else undoable
    return Scenario(
        id=f"{fault}-{step}",
        status=Status.COMPENSATED if undone else Status.FAILED,
        request={"vip": True, "faults": {step: fault}},
        failed=step,
        outcome=outcome,
        started=started,
        undone=frozenset(undone),
    )


SCENARIOS = [
    Scenario("vip-order", Status.COMPLETED, request={"vip": True}),
    Scenario(
        "plain-order",
        Status.COMPLETED,
        started=frozenset(ALL) - {"notify:early"},
    ),
    *(failing(step, fault) for step in ALL for fault in OUTCOMES),
    Scenario(
        "out-of-stock",
        Status.COMPENSATED,
        request={"vip": True, "quantity": 11},
        failed="deductStock",
        outcome=EntryStatus.FAILED,
        started=started_until("deductStock"),
        undone=frozenset(("createOrder", "freezeCoupon", "notify:early")),
    ),
    Scenario(
        "card-declined",
        Status.COMPENSATED,
        chain="flat",
        request={"card": "declined"},
        failed="pay",
        outcome=EntryStatus.FAILED,
        started=frozenset(("createOrder", "deductStock", "freezeCoupon", "pay")),
        undone=frozenset(("createOrder", "deductStock", "freezeCoupon")),
    ),
    Scenario(
        "both-branches-fail",
        Status.COMPENSATED,
        chain="flat",
        request={"faults": {"deductStock": "refuse", "freezeCoupon": "error_after"}},
        failed="deductStock",
        outcome=EntryStatus.FAILED,
        started=frozenset(("createOrder", "deductStock", "freezeCoupon")),
        undone=frozenset(("createOrder", "freezeCoupon")),
    ),
    # Attempt one times out after its effect, attempt two is refused: the effect must be undone.
    Scenario(
        "timed-out-then-refused",
        Status.COMPENSATED,
        chain="flat",
        request={"faults": {"pay": "timeout_then_refuse"}},
        failed="pay",
        outcome=EntryStatus.UNKNOWN,
        attempts=2,
        started=frozenset(("createOrder", "deductStock", "freezeCoupon", "pay")),
        undone=frozenset(("createOrder", "deductStock", "freezeCoupon", "pay")),
        overrides={"pay": {"timeout": 2.0}},
    ),
    Scenario(
        "times-out-to-the-end",
        Status.COMPENSATED,
        chain="flat",
        request={"faults": {"deductStock": "timeout_after"}},
        failed="deductStock",
        outcome=EntryStatus.UNKNOWN,
        attempts=2,
        started=frozenset(("createOrder", "deductStock", "freezeCoupon")),
        undone=frozenset(("createOrder", "deductStock", "freezeCoupon")),
        overrides={"deductStock": {"timeout": 2.0, "lost_attempts": 1}},
    ),
]
