"""Plans that run with recorded step results: what is taken, what is assumed, what is unknown."""

from datetime import UTC, datetime

import pytest
from pydantic import JsonValue

from activities.registry import discover
from api.config.replay import MOST_STEPS, Replayed, replay
from rules.compiler import ChainText, compile_chain
from rules.execution import EntryStatus, ErrorInfo, Execution, StackEntry, Status
from rules.plan import ComponentPolicy

COMPONENTS = {
    **discover(["activities.components"]).policies,
    **{name: ComponentPolicy(id=name) for name in ("a", "b", "c1")},
    "yes": ComponentPolicy(id="yes", kind="boolean", read_only=True),
}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OK, FAILED, UNKNOWN = EntryStatus.COMPLETED, EntryStatus.FAILED, EntryStatus.UNKNOWN
SKIPPED = EntryStatus.SKIPPED

Record = tuple[str, EntryStatus, JsonValue]


def recorded(*steps: Record) -> Execution:
    """An execution with these steps, one after the other; `a:b` is `a` with the tag `b`."""
    stack = []
    for number, (name, outcome, output) in enumerate(steps, start=1):
        component, _, tag = name.partition(":")
        failed = outcome in (FAILED, UNKNOWN)
        stack.append(
            StackEntry(
                seq=number,
                path=f"0.{number}",
                component=component,
                tag=tag or None,
                status=outcome,
                outcome=outcome,
                output=output,
                error=ErrorInfo(type="Refused", code="NO", message="no") if failed else None,
                started_at=NOW,
            )
        )
    return Execution(
        tenant="1",
        execution_id="x",
        chain="c",
        rule_version=1,
        plan_sha="",
        status=Status.COMPLETED,
        request_sha="",
        started_at=NOW,
        stack=tuple(stack),
    )


def run(text: str, *steps: Record) -> Replayed:
    plan = compile_chain("c", chains={"c": ChainText("c", text)}, components=COMPONENTS).plan
    return replay(plan, recorded(*steps))


DONE: list[Record] = [("a", OK, {"id": 1}), ("b", OK, None)]

# Text, records, path, completed, assumed, unknown.
CASES: list[tuple[str, list[Record], str, bool, list[str], list[str]]] = [
    ("THEN(a, b)", DONE, "a b", True, [], []),
    ("THEN(b, a)", DONE, "b a", True, [], []),
    ("THEN(a)", DONE, "a", True, [], []),
    ("THEN(a, b, c1)", DONE, "a b c1", True, ["c1"], []),
    ("THEN(pay, createOrder)", [("pay", OK, None)], "pay", False, [], []),
    ("THEN(a, b)", [("a", OK, None), ("b", FAILED, None)], "a b", False, [], []),
    (
        "THEN(a, CATCH(b), c1)",
        [("a", OK, None), ("b", UNKNOWN, None), ("c1", OK, None)],
        "a b c1",
        True,
        [],
        [],
    ),
    ("IF(yes, a, b)", [("yes", OK, True), ("a", OK, None)], "yes a", True, [], []),
    ("IF(yes, a, b)", [("yes", OK, False), ("b", OK, None)], "yes b", True, [], []),
    ("IF(yes, a)", [("a", OK, None)], "yes", False, [], ["yes"]),
    ('IF(yes.tag("t"), a)', [("yes", OK, True)], "yes:t", False, [], ["yes:t"]),
    (
        "WHILE(yes).DO(a)",
        [("yes", OK, True), ("a", OK, None), ("yes", OK, False)],
        "yes a yes",
        True,
        [],
        [],
    ),
    ("FOR(3).DO(a)", [("a", OK, None)] * 3, "LOOP_3 a a a", True, [], []),
    ("THEN(a, b)", [("a", OK, None), ("b", SKIPPED, None)], "a", True, [], []),
    (
        "THEN(a, b).retry(1)",
        [("a", OK, None), ("b", FAILED, None)],
        "a b a b",
        True,
        ["a", "b"],
        [],
    ),
]


@pytest.mark.parametrize(("text", "steps", "path", "completed", "assumed", "unknown"), CASES)
def test_a_plan_takes_what_was_recorded(
    *,
    text: str,
    steps: list[Record],
    path: str,
    completed: bool,
    assumed: list[str],
    unknown: list[str],
) -> None:
    found = run(text, *steps)
    told = (found.path, found.completed, list(found.assumed), list(found.unknown))
    assert told == (tuple(path.split()), completed, assumed, unknown)


def test_a_loop_without_a_recorded_end_comes_to_one() -> None:
    found = run(f"FOR({MOST_STEPS * 2}).DO(a)")
    assert found.unknown
    assert len(found.path) <= MOST_STEPS + 2
