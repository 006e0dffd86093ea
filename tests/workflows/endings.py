"""The second table of dramas: what policies bound, what nothing absorbs, and each way to end.

Steps and acts are those of `tests.workflows.acting` and `bounded`; the first table is
`tests.workflows.dramas`.
"""

from rules.execution import Cause, EntryStatus, Status
from rules.plan import RetryPolicy
from tests.workflows.dramas import (
    AB,
    BLOCKED,
    DONE,
    FAILED,
    IGNORE,
    MANUAL,
    ROUNDS,
    UNDONE,
    UNKNOWN,
    WAITS,
    Drama,
    Scene,
    chain,
    step,
)

SKIPPED = EntryStatus.SKIPPED
CAUGHT = f"THEN({step('a')}, CATCH({step('b')}).DO({step('c')}))"
BARE = 'bare.tag("x")'


def attempts(number: int, interval: float = 0.01) -> RetryPolicy:
    return RetryPolicy(attempts=number, interval=interval)


ENDINGS = [
    # Outcomes, and what a policy bounds.
    Drama(
        "a-success-clears-unknown", f"THEN({step('a')}, {step('b')}, strict)",
        {"b": ["error", "refuse", "ok"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE, "": FAILED}, Cause.FAILURE, code="STRICT",
        changes={"work": {"retry": attempts(3)}}, outcomes={"b": DONE},
    ),
    Drama(
        "one-attempt-unless-it-says-more", AB, {"b": ["refuse", "ok"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": FAILED}, Cause.FAILURE, code="AS_SCRIPTED",
    ),
    Drama(
        "lost-attempts-are-bounded", AB, {"b": ["hold"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE}, Cause.FAILURE, code="ATTEMPTS_LOST", outcomes={"b": UNKNOWN},
        changes={"work": {"retry": attempts(3), "timeout": 1.0, "lost_attempts": 1}},
    ),
    Drama(
        "a-lost-attempt-uses-up-no-answer", AB, {"b": ["hold", "ok"]}, Status.COMPLETED,
        {"a": DONE, "b": DONE}, changes={"work": {"timeout": 1.0, "lost_attempts": 1}},
    ),
    Drama(
        "what-is-not-idempotent-is-not-tried-again", f'THEN({step("a")}, careful.tag("b"))',
        {"b": ["hold", "ok"]}, Status.COMPENSATED, {"a": UNDONE, "b": UNDONE}, Cause.FAILURE,
        code="ATTEMPTS_LOST", outcomes={"b": UNKNOWN},
    ),
    Drama(
        "refused-and-undone-where-it-says-so", AB, {"b": ["refuse"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE}, Cause.FAILURE, code="AS_SCRIPTED", outcomes={"b": FAILED},
        changes={"work": {"compensate_when": "always"}},
    ),
    Drama(
        "a-decided-retry-counts-from-one", AB, {"b": ["refuse", "refuse", "refuse", "ok"]},
        Status.COMPLETED, {"a": DONE, "b": DONE},
        scenes=(Scene(WAITS, ("b",), "retry", {"decision_id": "1"}),), policy=MANUAL,
        changes={"work": {"retry": attempts(2)}},
    ),
    Drama(
        "an-undo-has-attempts-of-its-own", AB,
        {"b": ["refuse"], "undo:a": ["error", "error", "error", "error", "ok"]},
        Status.COMPENSATED, {"a": UNDONE, "b": FAILED}, Cause.FAILURE,
        changes={"unwork": {"retry": attempts(5)}},
    ),
    # A step's output that nobody gave.
    Drama(
        "what-was-ignored-has-no-output", f"THEN({step('b')}, uses)", {"b": ["refuse"]},
        Status.FAILED, {"b": FAILED, "": FAILED}, Cause.FAILURE, policy=IGNORE,
        code="MISSING_OUTPUT",
    ),
    Drama(
        "a-skip-needs-the-output-that-is-used-later", f"THEN({step('b')}, uses)",
        {"b": ["refuse"]}, Status.COMPLETED, {"b": SKIPPED, "": DONE},
        scenes=(
            Scene(WAITS, ("b",), "skip", {}, accepted=False, why="is needed later"),
            Scene(WAITS, ("b",), "skip", {"output": "instead"}),
        ),
        policy=MANUAL,
    ),
    # What is absorbed by nothing, and what is in flight.
    Drama(
        "compensate-is-not-absorbed", CAUGHT, {"b": ["refuse"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": FAILED}, Cause.OPERATOR,
        scenes=(Scene(WAITS, ("b",), "compensate"),), policy=MANUAL,
    ),
    Drama(
        "cancel-is-not-absorbed", CAUGHT, {"b": ["refuse"]}, Status.CANCELLED,
        {"a": UNDONE, "b": FAILED}, Cause.CANCEL,
        scenes=(Scene(WAITS, ("b",), "cancel"),), policy=MANUAL,
    ),
    Drama(
        "limit-is-not-absorbed", CAUGHT, {"b": ["hold"]}, Status.COMPENSATED,
        {"a": UNDONE, "b": UNDONE}, Cause.TIMEOUT, options={"timeout": 2.0}, code="CHAIN_TIMEOUT",
        changes={"work": {"timeout": 4.0}},
    ),
    Drama(
        "limit-does-not-count-the-undo", AB,
        {"b": ["refuse"], "undo:a": ["until never"], "grace": ["4"]},
        Status.COMPENSATED, {"a": UNDONE, "b": FAILED}, Cause.FAILURE, options={"timeout": 3.0},
        code="AS_SCRIPTED",
    ),
    Drama(
        "compensate-awaits-what-runs", chain("a", "b", "c"), {"b": ["until never"], "grace": ["2"]},
        Status.COMPENSATED, {"a": UNDONE, "b": UNDONE}, Cause.OPERATOR,
        scenes=(Scene(Status.RUNNING, (), "compensate", {"in_flight": "await"}),),
        changes={"work": {"timeout": 20.0}}, outcomes={"b": DONE},
    ),
    Drama(
        "a-second-stop-is-rejected", AB, {"b": ["refuse"], "undo:a": ["error", "ok"]},
        Status.COMPENSATED, {"a": UNDONE, "b": FAILED}, Cause.FAILURE,
        scenes=(
            Scene(BLOCKED, ("a",), "cancel", accepted=False, why="already undoing"),
            Scene(BLOCKED, ("a",), "retry"),
        ),
    ),
    Drama(
        "a-sibling-in-back-off-is-superseded", f"THEN({step('a')}, WHEN({step('b')}, strict))",
        {"b": ["refuse"]}, Status.COMPENSATED, {"a": UNDONE, "b": FAILED, "": FAILED},
        Cause.FAILURE, policy=ROUNDS,
        changes={"work": {"retry": RetryPolicy(interval=600, max_interval=600)}},
    ),
    Drama(
        "a-loser-waits-for-nobody",
        f"THEN(WHEN({step('a')}, {step('b')}).any(true), {step('c')})", {"b": ["refuse"]},
        Status.COMPLETED, {"a": DONE, "b": FAILED, "c": DONE}, policy=MANUAL,
    ),
    Drama(
        "a-loser-writes-nothing", f"THEN(WHEN({step('a')}, {step('b')}).any(true), {step('c')})",
        {"a": ["until c"]}, Status.COMPLETED, {"a": DONE, "b": DONE, "c": DONE},
        context={"did b": 1, "did c": 1},
    ),
    Drama(
        "of-the-attempts-the-last-one-writes", AB, {"b": ["refuse", "error", "ok"]},
        Status.COMPLETED, {"a": DONE, "b": DONE}, changes={"work": {"retry": attempts(3)}},
        context={"did a": 1, "did b": 1},
    ),
    Drama(
        "a-failure-after-the-stop-is-no-cause", AB, {"b": ["until never refuse"], "grace": ["2"]},
        Status.CANCELLED, {"a": UNDONE, "b": FAILED}, Cause.CANCEL,
        scenes=(Scene(Status.RUNNING, (), "cancel"),), changes={"work": {"timeout": 20.0}},
    ),
    Drama(
        "limit-and-then-finally",
        f"THEN({step('a')}, THEN({step('b')}, FINALLY({step('c')})), {step('d')})",
        {"b": ["hold"]}, Status.COMPENSATED, {"a": UNDONE, "b": UNDONE, "c": UNDONE},
        Cause.TIMEOUT, options={"timeout": 2.0}, code="CHAIN_TIMEOUT",
        changes={"work": {"timeout": 4.0}},
    ),
    Drama(
        "a-choice-of-nothing-is-undone", f'THEN(SWITCH(choosy.tag("h")).TO({step("a")}))', {},
        Status.COMPENSATED, {"h": UNDONE}, Cause.FAILURE, code="NO_SWITCH_TARGET",
    ),
    # Each line of the truth table.
    Drama(
        "nothing-happened", "THEN(strict)", {}, Status.FAILED, {"": FAILED}, Cause.FAILURE,
        code="STRICT",
    ),
    Drama(
        "only-looked", f'THEN(IF(test.tag("h"), {step("a")}))', {"h": ["error"]}, Status.FAILED,
        {"h": UNKNOWN}, Cause.FAILURE,
    ),
    Drama(
        "completed-with-an-unknown-effect", AB, {"b": ["error"]}, Status.COMPLETED,
        {"a": DONE, "b": UNKNOWN}, policy=IGNORE,
    ),
    Drama(
        "left-and-none-undone", f"THEN({BARE}, strict)", {}, Status.FAILED,
        {"x": DONE, "": FAILED}, Cause.FAILURE,
    ),
    Drama(
        "left-and-some-undone", f"THEN({step('a')}, {BARE}, strict)", {},
        Status.PARTIALLY_COMPENSATED, {"a": UNDONE, "x": DONE, "": FAILED}, Cause.FAILURE,
    ),
    Drama(
        "cancelled-and-something-left", f"THEN({step('a')}, {BARE}, {step('b')})",
        {"b": ["refuse"]}, Status.PARTIALLY_COMPENSATED, {"a": UNDONE, "x": DONE, "b": FAILED},
        Cause.CANCEL, scenes=(Scene(WAITS, ("b",), "cancel"),), policy=MANUAL,
    ),
    Drama(
        "cancelled-before-anything-happened", f"THEN({step('b')})", {"b": ["refuse"]},
        Status.CANCELLED, {"b": FAILED}, Cause.CANCEL, scenes=(Scene(WAITS, ("b",), "cancel"),),
        policy=MANUAL,
    ),
    Drama(
        "without-saga-a-failure", AB, {"b": ["refuse"]}, Status.FAILED, {"a": DONE, "b": FAILED},
        Cause.FAILURE, options={"saga": False},
    ),
    Drama(
        "without-saga-a-cancel", AB, {"b": ["refuse"]}, Status.FAILED, {"a": DONE, "b": FAILED},
        Cause.CANCEL, scenes=(Scene(WAITS, ("b",), "cancel"),), policy=MANUAL,
        options={"saga": False},
    ),
    Drama(
        "without-saga-a-retry", AB, {"b": ["refuse", "ok"]}, Status.COMPLETED,
        {"a": DONE, "b": DONE}, scenes=(Scene(WAITS, ("b",), "retry"),), policy=MANUAL,
        options={"saga": False},
    ),
]  # fmt: skip
