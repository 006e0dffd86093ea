"""The truth table of final statuses (design section 5) by line, and what readers are shown."""

import pytest

from rules.execution import Cause, EntryStatus, StackEntry, Status
from rules.wire import Failure
from tests.workflows.unit.states import LATER, NOON, SAGA, SOLD_OUT, entry, frost, state
from workflows.outcome import execution_of, final_status, result_of

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

# What was done, in the first column; then the status after a failure, and after a cancel.
TABLE: list[tuple[list[StackEntry], Status, Status]] = [
    ([], Status.FAILED, Status.CANCELLED),
    ([REFUSED], Status.FAILED, Status.CANCELLED),
    ([LOOKED, REFUSED], Status.FAILED, Status.CANCELLED),
    ([LOOKED_IN_VAIN], Status.FAILED, Status.CANCELLED),
    ([DONE, REFUSED], Status.FAILED, Status.FAILED),
    ([UNDOABLE, REFUSED], Status.FAILED, Status.FAILED),
    ([LOST], Status.FAILED, Status.FAILED),
    ([STUCK, REFUSED], Status.FAILED, Status.FAILED),
    ([STUCK_LOST], Status.FAILED, Status.FAILED),
    ([STUCK_REFUSED], Status.FAILED, Status.CANCELLED),
    ([UNDONE, REFUSED], Status.COMPENSATED, Status.CANCELLED),
    ([UNDONE, UNDONE_LOST], Status.COMPENSATED, Status.CANCELLED),
    ([UNDONE_REFUSED], Status.COMPENSATED, Status.CANCELLED),
    ([LOOKED, UNDONE, REFUSED], Status.COMPENSATED, Status.CANCELLED),
    ([UNDONE, DONE], Status.PARTIALLY_COMPENSATED, Status.PARTIALLY_COMPENSATED),
    ([UNDONE, UNDOABLE], Status.PARTIALLY_COMPENSATED, Status.PARTIALLY_COMPENSATED),
    ([UNDONE, LOST], Status.PARTIALLY_COMPENSATED, Status.PARTIALLY_COMPENSATED),
    ([UNDONE, STUCK], Status.PARTIALLY_COMPENSATED, Status.PARTIALLY_COMPENSATED),
    ([UNDONE_REFUSED, STUCK_LOST], Status.PARTIALLY_COMPENSATED, Status.PARTIALLY_COMPENSATED),
    ([UNDONE, STUCK_REFUSED], Status.COMPENSATED, Status.CANCELLED),
]


@pytest.mark.parametrize(("stack", "failed", "cancelled"), TABLE)
def test_final_status(stack: list[StackEntry], failed: Status, cancelled: Status) -> None:
    assert final_status(state(*stack, cause=Cause.FAILURE)) is failed
    assert final_status(state(*stack, cause=Cause.CANCEL)) is cancelled
    assert final_status(state(*stack)) is Status.COMPLETED


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
    result = result_of(SAGA, failed)
    assert (result.status, result.cause) == (Status.FAILED, Cause.FAILURE)
    assert (result.failed_step, result.error) == ("pay", SOLD_OUT)
    assert (result.output, result.context) == (None, {"a": 1})
    assert (result.execution_id, result.chain, result.rule_version) == ("order-1", "placeOrder", 3)


def test_a_completed_result_has_the_output() -> None:
    result = result_of(SAGA, state(status=Status.COMPLETED, output=[1]))
    assert (result.status, result.output, result.error) == (Status.COMPLETED, [1], None)
