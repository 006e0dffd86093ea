"""The table of sagas in which something is decided: chain, script, scenes, and how each ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from rules.execution import Cause, EntryStatus, Status
from rules.plan import FailurePolicy, FailureStrategy

PLAIN = FailurePolicy()
MANUAL = FailurePolicy(strategy=FailureStrategy.MANUAL)
IGNORE = FailurePolicy(strategy=FailureStrategy.IGNORE)
ROUNDS = FailurePolicy(strategy=FailureStrategy.RETRY, rounds=2)
ROUNDS_THEN_ASK = FailurePolicy(strategy=FailureStrategy.RETRY, rounds=1, afterwards="MANUAL")
SOON = FailurePolicy(strategy=FailureStrategy.MANUAL, deadline=0.3)
SOON_SKIPPED = FailurePolicy(strategy=FailureStrategy.MANUAL, deadline=0.3, default="skip")
LATE_SKIPPED = FailurePolicy(strategy=FailureStrategy.MANUAL, deadline=2.0, default="skip")

DONE = EntryStatus.COMPLETED
FAILED = EntryStatus.FAILED
UNKNOWN = EntryStatus.UNKNOWN
SKIPPED = EntryStatus.SKIPPED
UNDONE = EntryStatus.COMPENSATED
UNDO_SKIPPED = EntryStatus.COMPENSATION_SKIPPED


@dataclass(frozen=True, slots=True)
class Scene:
    """Wait until the saga has this status and these steps wait; then one act, and its verdict.

    `act` is a decision's kind, `cancel`, or None. `why` must stand in the record of a rejection.
    """

    status: Status
    waiting: tuple[str, ...] = ()
    act: str | None = None
    payload: JsonValue = None
    accepted: bool = True
    why: str = ""
    undone: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Drama:
    """One saga with decisions. `ends` are the statuses of its steps by tag.

    `outcomes` are those of some steps; `policy` is the strategy of all steps and
    heads; `changes` are made to policies by component.
    """

    id: str
    chain: str
    script: Mapping[str, list[str]]
    status: Status
    ends: Mapping[str, EntryStatus]
    cause: Cause | None = None
    scenes: tuple[Scene, ...] = ()
    policy: FailurePolicy = PLAIN
    options: Mapping[str, object] = field(default_factory=dict)
    code: str | None = None
    changes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    outcomes: Mapping[str, EntryStatus] = field(default_factory=dict)
    context: Mapping[str, JsonValue] | None = None


def chain(*tags: str) -> str:
    return f"THEN({', '.join(step(tag) for tag in tags)})"


def step(tag: str) -> str:
    return f'work.tag("{tag}")'


WAITS = Status.WAITING_DECISION
BLOCKED = Status.COMPENSATION_BLOCKED
AB = chain("a", "b")
BOTH = f"THEN({step('a')}, WHEN({step('b')}, {step('c')}), {step('d')})"

DRAMAS = [
    # A person decides about a step.
    Drama(
        "manual-retry", AB, {"b": ["refuse", "ok"]}, Status.COMPLETED, {"a": DONE, "b": DONE},
        scenes=(Scene(WAITS, ("b",), "retry", {"decision_id": "1"}),), policy=MANUAL,
    ),
    Drama(
        "manual-retry-twice", AB, {"b": ["refuse", "error", "ok"]}, Status.COMPLETED,
        {"a": DONE, "b": DONE},
        scenes=(
            Scene(WAITS, ("b",), "retry", {"decision_id": "1"}),
            Scene(WAITS, ("b",), "manual_decision", {"decision_id": "2", "action": "retry"}),
        ),
        policy=MANUAL,
    ),
    Drama(
        "manual-skip", chain("a", "b", "c"), {"b": ["refuse"]}, Status.COMPLETED,
        {"a": DONE, "b": SKIPPED, "c": DONE},
        scenes=(Scene(WAITS, ("b",), "skip", {"output": "instead"}),), policy=MANUAL,
    ),
    Drama(
        "skip-does-not-clear-unknown", chain("a", "b", "c"), {"b": ["error"], "c": ["refuse"]},
        Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "c": FAILED}, Cause.OPERATOR,
        scenes=(
            Scene(WAITS, ("b",), "skip"),
            Scene(WAITS, ("c",), "compensate", {"operator": "ann", "reason": "enough"}),
        ),
        policy=MANUAL,
    ),
    Drama(
        "manual-decision-compensates", AB, {"b": ["refuse"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": FAILED}, Cause.OPERATOR,
        scenes=(Scene(WAITS, ("b",), "manual_decision", {"action": "compensate"}),), policy=MANUAL,
    ),
    Drama(
        "cancel-while-waiting", AB, {"b": ["error"]}, Status.CANCELLED, {"a": UNDONE, "b": UNDONE},
        Cause.CANCEL, scenes=(Scene(WAITS, ("b",), "cancel"),), policy=MANUAL,
    ),
    Drama(
        "deadline-compensates", AB, {"b": ["refuse"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": FAILED}, Cause.FAILURE, policy=SOON, code="AS_SCRIPTED",
    ),
    Drama(
        "deadline-skips", chain("a", "b", "c"), {"b": ["refuse"]}, Status.COMPLETED,
        {"a": DONE, "b": SKIPPED, "c": DONE}, policy=SOON_SKIPPED,
    ),
    Drama(
        "unattended", AB, {"b": ["refuse"], "undo:a": ["error"]}, Status.FAILED,
        {"a": EntryStatus.COMPENSATION_FAILED, "b": FAILED}, Cause.FAILURE, policy=MANUAL,
        options={"unattended": True},
    ),
    # Further rounds, and going on.
    Drama(
        "second-round-succeeds", AB, {"b": ["refuse", "ok"]}, Status.COMPLETED,
        {"a": DONE, "b": DONE}, policy=ROUNDS,
    ),
    Drama(
        "rounds-exhausted", AB, {"b": ["refuse"]}, Status.COMPENSATED, {"a": UNDONE, "b": FAILED},
        Cause.FAILURE, policy=ROUNDS, code="AS_SCRIPTED",
    ),
    Drama(
        "unknown-in-one-round-stays", AB, {"b": ["error", "refuse"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE}, Cause.FAILURE, policy=ROUNDS,
    ),
    Drama(
        "rounds-then-ask", AB, {"b": ["refuse", "refuse", "ok"]}, Status.COMPLETED,
        {"a": DONE, "b": DONE}, scenes=(Scene(WAITS, ("b",), "retry"),), policy=ROUNDS_THEN_ASK,
    ),
    Drama(
        "ignored", chain("a", "b", "c"), {"b": ["refuse"]}, Status.COMPLETED,
        {"a": DONE, "b": FAILED, "c": DONE}, policy=IGNORE,
    ),
    Drama(
        "ignored-unknown-is-undone-later", f"THEN({step('a')}, {step('b')}, strict)",
        {"b": ["error"]}, Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "": FAILED},
        Cause.FAILURE, policy=IGNORE,
    ),
    # Parallel branches.
    Drama(
        "two-branches-wait", BOTH, {"b": ["refuse", "ok"], "c": ["error", "ok"]},
        Status.COMPLETED, {"a": DONE, "b": DONE, "c": DONE, "d": DONE},
        scenes=(
            Scene(WAITS, ("b", "c"), "retry", {}, accepted=False, why="several steps wait"),
            Scene(WAITS, ("b", "c"), "retry", {"step": "0.1.1"}),
            Scene(WAITS, ("b",), "retry", {"step": "work"}),
        ),
        policy=MANUAL,
    ),
    Drama(
        "two-branches-one-compensates", BOTH, {"b": ["refuse"], "c": ["error"]},
        Status.COMPENSATED, {"a": UNDONE, "b": FAILED, "c": UNDONE}, Cause.OPERATOR,
        scenes=(Scene(WAITS, ("b", "c"), "compensate"),), policy=MANUAL,
    ),
    Drama(
        "a-failed-sibling-supersedes", f"THEN({step('a')}, WHEN({step('b')}, strict))",
        {"b": ["error"]}, Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "": FAILED},
        Cause.FAILURE, policy=MANUAL,
    ),
    # Decisions that are rejected.
    Drama(
        "rejections", AB, {"b": ["refuse", "ok"]}, Status.COMPLETED, {"a": DONE, "b": DONE},
        scenes=(
            Scene(WAITS, ("b",), "retry", "now!", accepted=False, why="is an object"),
            Scene(WAITS, ("b",), "skip", {"operator": 7}, accepted=False, why="operator"),
            Scene(WAITS, ("b",), "retry", {"setp": "b"}, accepted=False, why="setp"),
            Scene(WAITS, ("b",), "retry", {"step": "nope"}, accepted=False, why="'nope' does not"),
            Scene(WAITS, ("b",), "manual_decision", {}, accepted=False, why="needs an action"),
            Scene(WAITS, ("b",), "retry", {"decision_id": "once", "operator": "ann"}),
        ),
        policy=MANUAL,
    ),
    Drama(
        "a-head-needs-an-answer", f'THEN(IF(test.tag("h"), {step("a")}))', {"h": ["refuse"]},
        Status.COMPLETED, {"h": SKIPPED, "a": DONE},
        scenes=(
            Scene(WAITS, ("h",), "skip", {}, accepted=False, why="true or false"),
            Scene(WAITS, ("h",), "skip", {"output": True}),
        ),
        policy=MANUAL,
    ),
    Drama(
        "without-saga", AB, {"b": ["refuse"]}, Status.COMPLETED, {"a": DONE, "b": SKIPPED},
        scenes=(
            Scene(WAITS, ("b",), "compensate", {}, accepted=False, why="without saga"),
            Scene(WAITS, ("b",), "skip"),
        ),
        policy=MANUAL, options={"saga": False},
    ),
    # Undos that block.
    Drama(
        "blocked-retry", chain("a", "b", "c"), {"c": ["refuse"], "undo:b": ["error", "ok"]},
        Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "c": FAILED}, Cause.FAILURE,
        scenes=(
            Scene(BLOCKED, ("b",), "compensate", {}, accepted=False, why="already undoing"),
            Scene(BLOCKED, ("b",), "retry", {"step": "work"}, undone=()),
        ),
    ),
    Drama(
        "blocked-skip", chain("a", "b", "c"), {"c": ["refuse"], "undo:b": ["error"]},
        Status.PARTIALLY_COMPENSATED, {"a": UNDONE, "b": UNDO_SKIPPED, "c": FAILED},
        Cause.FAILURE,
        scenes=(
            Scene(BLOCKED, ("b",), "retry", {"decision_id": "1"}),
            Scene(BLOCKED, ("b",), "skip", {"decision_id": "2"}, undone=()),
        ),
    ),
    Drama(
        "blocked-others-go-on", chain("a", "b", "c", "d"),
        {"d": ["refuse"], "undo:b": ["error", "ok"], "undo:c": ["error", "ok"]},
        Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "c": UNDONE, "d": FAILED}, Cause.FAILURE,
        scenes=(
            Scene(BLOCKED, ("b", "c"), "retry", {"step": "0.2"}, undone=("a",)),
            Scene(BLOCKED, ("b",), "retry", {"step": "0.1"}, undone=("a", "c")),
        ),
        options={"undo_policy": "continue"},
    ),
    Drama(
        "blocked-inside-a-failed-when", f"WHEN({step('a')}, {step('b')})",
        {"b": ["refuse"], "undo:a": ["error", "ok"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": FAILED}, Cause.FAILURE,
        scenes=(Scene(BLOCKED, ("a",), "retry", {}),),
    ),
    # The chain's own limit, and what is in flight.
    Drama(
        "limit", AB, {"b": ["hold"]}, Status.COMPENSATED, {"a": UNDONE, "b": UNDONE},
        Cause.TIMEOUT, options={"timeout": 0.5}, code="CHAIN_TIMEOUT",
    ),
    Drama(
        "limit-stands-still-while-waiting", AB, {"b": ["refuse"]}, Status.COMPLETED,
        {"a": DONE, "b": SKIPPED}, policy=LATE_SKIPPED, options={"timeout": 1.0},
    ),
    Drama(
        "compensate-cancels-what-runs", AB, {"b": ["hold"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE}, Cause.OPERATOR,
        scenes=(Scene(Status.RUNNING, (), "compensate", {"in_flight": "cancel"}),),
    ),
]  # fmt: skip
