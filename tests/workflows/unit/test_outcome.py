"""The truth table of final statuses line by line, and what readers are shown."""

import pytest

from rules.execution import Cause, EntryStatus, StackEntry, Status
from rules.wire import Failure
from tests.workflows.unit.states import LATER, NOON, SAGA, SOLD_OUT, entry, frost, state
from workflows.outcome import (
    TRUTH_TABLE,
    Line,
    execution_of,
    final_line,
    final_status,
    result_of,
    unknown_effects,
)

COMPLETED, FAILED, UNKNOWN = EntryStatus.COMPLETED, EntryStatus.FAILED, EntryStatus.UNKNOWN
COMPENSATED, BROKEN = EntryStatus.COMPENSATED, EntryStatus.COMPENSATION_FAILED

DONE = entry()
REFUSED = entry(FAILED, compensation=None)
LOST = entry(UNKNOWN)
LOOKED = entry(read_only=True, compensation=None)
LOOKED_IN_VAIN = entry(UNKNOWN, read_only=True, compensation=None)
UNDOABLE = entry(compensation=None)
UNDONE = entry(COMPENSATED, outcome=COMPLETED)
UNDONE_LOST = entry(COMPENSATED, outcome=UNKNOWN)
UNDONE_REFUSED = entry(COMPENSATED, outcome=FAILED)
STUCK = entry(BROKEN, outcome=COMPLETED)
STUCK_LOST = entry(BROKEN, outcome=UNKNOWN)
STUCK_REFUSED = entry(BROKEN, outcome=FAILED)
PASSED_OVER = entry(EntryStatus.COMPENSATION_SKIPPED, outcome=COMPLETED)
SKIPPED_LOST = entry(EntryStatus.SKIPPED, outcome=UNKNOWN)
SKIPPED_REFUSED = entry(EntryStatus.SKIPPED, outcome=FAILED, compensation=None)

# What was done; then the line of the table after a failure, and after a cancel.
PARTIAL, LEFT = "left, some undone", "left, none undone"
UNDID, NOTHING = ("undone", "cancelled"), ("nothing happened", "cancelled")
TABLE: dict[str, tuple[list[StackEntry], tuple[str, str]]] = {
    "nothing began": ([], NOTHING),
    "refused": ([REFUSED], NOTHING),
    "looked, refused": ([LOOKED, REFUSED], NOTHING),
    "looked in vain": ([LOOKED_IN_VAIN], NOTHING),
    "done and not undone": ([DONE, REFUSED], (LEFT, LEFT)),
    "done, cannot be undone": ([UNDOABLE, REFUSED], (LEFT, LEFT)),
    "lost and not undone": ([LOST], (LEFT, LEFT)),
    "skipped after it was lost": ([SKIPPED_LOST], (LEFT, LEFT)),
    "skipped after it was refused": ([SKIPPED_REFUSED], NOTHING),
    "its undo failed": ([STUCK, REFUSED], (LEFT, LEFT)),
    "its undo was skipped": ([PASSED_OVER, REFUSED], (LEFT, LEFT)),
    "the undo of what was lost failed": ([STUCK_LOST], (LEFT, LEFT)),
    "the undo of what was refused failed": ([STUCK_REFUSED], NOTHING),
    "undone": ([UNDONE, REFUSED], UNDID),
    "undone, also what was lost": ([UNDONE, UNDONE_LOST], UNDID),
    "undone though refused": ([UNDONE_REFUSED], UNDID),
    "looked, undone": ([LOOKED, UNDONE, REFUSED], UNDID),
    "undone, and done": ([UNDONE, DONE], (PARTIAL, PARTIAL)),
    "undone, and cannot be undone": ([UNDONE, UNDOABLE], (PARTIAL, PARTIAL)),
    "undone, and lost": ([UNDONE, LOST], (PARTIAL, PARTIAL)),
    "undone, and an undo failed": ([UNDONE, STUCK], (PARTIAL, PARTIAL)),
    "undone, and an undo was skipped": ([UNDONE, PASSED_OVER], (PARTIAL, PARTIAL)),
    "undone though refused, and lost": ([UNDONE_REFUSED, STUCK_LOST], (PARTIAL, PARTIAL)),
    "undone, and the undo of a refused one failed": ([UNDONE, STUCK_REFUSED], UNDID),
}

# Written down once more, and not read from the table: nobody may change a status unnoticed.
STATUSES = {
    "ended by Temporal": Status.ABORTED,
    "all ran": Status.COMPLETED,
    PARTIAL: Status.PARTIALLY_COMPENSATED,
    LEFT: Status.FAILED,
    "cancelled": Status.CANCELLED,
    "undone": Status.COMPENSATED,
    "nothing happened": Status.FAILED,
}


@pytest.mark.parametrize(("stack", "lines"), TABLE.values(), ids=TABLE)
def test_final_status(stack: list[StackEntry], lines: tuple[str, str]) -> None:
    failed, cancelled = lines
    for cause in (Cause.FAILURE, Cause.TIMEOUT, Cause.OPERATOR):
        assert final_line(state(*stack, cause=cause)).id == failed
    assert final_line(state(*stack, cause=Cause.CANCEL)).id == cancelled
    assert final_line(state(*stack)).id == "all ran"


@pytest.mark.parametrize("line", TRUTH_TABLE, ids=lambda line: line.id)
def test_line(line: Line) -> None:
    """Each line gives its status, and some case above comes to it, unless no workflow can."""
    assert STATUSES[line.id] is line.status
    reached = [
        found
        for stack, _ in TABLE.values()
        for cause in (None, *Cause)
        if (found := state(*stack, cause=cause)) and final_line(found) is line
    ]
    assert bool(reached) is (line.holds is not None)
    assert all(final_status(found) is line.status for found in reached)


def test_the_lines_stand_in_their_order() -> None:
    assert [line.id for line in TRUTH_TABLE] == list(STATUSES)


def test_unknown_effects_are_those_that_nobody_undid() -> None:
    entries = [DONE, LOST, LOOKED_IN_VAIN, UNDONE_LOST, SKIPPED_LOST, REFUSED]
    stack = [found.model_copy(update={"path": f"0.{at}"}) for at, found in enumerate(entries)]
    assert unknown_effects(stack) == ["0.1", "0.4"]


OPEN = (
    Status.RUNNING,
    Status.WAITING_DECISION,
    Status.COMPENSATING,
    Status.COMPENSATION_BLOCKED,
)


@pytest.mark.parametrize("status", Status)
def test_only_open_statuses_may_still_change(status: Status) -> None:
    assert status.final is (status not in OPEN)


def test_an_execution_tells_all_of_its_state() -> None:
    failed = state(
        entry(),
        status=Status.COMPENSATED,
        cause=Cause.FAILURE,
        failure=Failure(path="0.1", component="pay", error=SOLD_OUT),
        context={"a": 1},
        revision=4,
        changed_at=LATER,
        ended_at=LATER,
    )
    shown = execution_of(SAGA, frost(request={"item": "book"}), failed)
    assert shown.model_dump(exclude={"stack", "error"}) == {
        "tenant": "acme",
        "execution_id": "order-1",
        "chain": "placeOrder",
        "rule_version": 3,
        "plan_sha": "plan",
        "status": Status.COMPENSATED,
        "cause": Cause.FAILURE,
        "failed_step": "pay",
        "business_key": None,
        "request_sha": "request",
        "request": {"item": "book"},
        "context": {"a": 1},
        "output": None,
        "started_at": NOON,
        "ended_at": LATER,
        "revision": 4,
        "changed_at": LATER,
        "first_run_id": "run",
        "waiting": (),
        "decisions": (),
    }
    assert shown.error == SOLD_OUT
    assert shown.stack == (entry(),)


def test_an_execution_is_a_picture_that_later_changes_do_not_touch() -> None:
    running = state(entry(EntryStatus.RUNNING), context={"a": 1})
    shown = execution_of(SAGA, frost(), running)
    running.stack[0].status = COMPLETED
    running.context["a"] = 2
    assert shown.stack[0].status is EntryStatus.RUNNING
    assert shown.context == {"a": 1}


def test_a_result_tells_how_it_ended() -> None:
    failed = state(
        status=Status.FAILED,
        cause=Cause.FAILURE,
        failure=Failure(path="0.1", component="pay", error=SOLD_OUT),
        context={"a": 1},
    )
    result = result_of(SAGA, frost(), failed)
    assert (result.status, result.cause) == (Status.FAILED, Cause.FAILURE)
    assert (result.failed_step, result.error) == ("pay", SOLD_OUT)
    assert (result.output, result.context) == (None, {"a": 1})
    assert (result.execution_id, result.chain, result.rule_version) == ("order-1", "placeOrder", 3)


def test_a_completed_result_has_the_output() -> None:
    result = result_of(SAGA, frost(), state(status=Status.COMPLETED, output=[1]))
    assert (result.status, result.output, result.error) == (Status.COMPLETED, [1], None)
