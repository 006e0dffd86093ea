"""The stack: what an entry keeps, what is undone, and in which order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from rules.execution import EntryStatus, StackEntry
from rules.plan import ComponentPolicy, Needs, OutputNeed, StepNode
from rules.wire import PlannedUndo, SagaState, StepFailure, StepReply, StepRequest
from tests.workflows.unit.states import LATER, NOON, SAGA, SOLD_OUT, entry, plan, produced, state
from workflows.stack import SagaStack, planned_undos, undo_order

COMPLETED, FAILED, UNKNOWN = EntryStatus.COMPLETED, EntryStatus.FAILED, EntryStatus.UNKNOWN

PAY = ComponentPolicy(
    id="pay",
    compensate="refund",
    needs=Needs(
        inputs={
            "request": "request",
            "order": "output:createOrder",
            "vip": "output:createOrder:vip",
            "total": "context:total",
            "absent": "context:absent",
        }
    ),
)
ALWAYS = PAY.model_copy(update={"compensate_when": "always"})
REFUND = ComponentPolicy(id="refund")
REFUND_OUTPUT = ComponentPolicy(id="refund", needs=Needs(undo_output=True))
REFUND_INPUT = ComponentPolicy(id="refund", needs=Needs(undo_input=True))
NOTIFY = ComponentPolicy(id="notify", needs=Needs(outputs=(OutputNeed(name="pay", tag="vip"),)))

NODE = StepNode(component="pay", tag="vip", data="{}")


def begun(*components: ComponentPolicy) -> tuple[SagaStack, SagaState, StackEntry]:
    """A saga whose first step has begun."""
    saga = state()
    stack = SagaStack(plan(*components), saga)
    return stack, saga, stack.push(NODE, "0.1", NOON)


def test_an_entry_is_there_before_its_step_runs() -> None:
    _, saga, pushed = begun(PAY, REFUND)
    assert saga.stack == [pushed]
    assert pushed == StackEntry(
        seq=1,
        path="0.1",
        component="pay",
        tag="vip",
        status=EntryStatus.RUNNING,
        compensation="refund",
        started_at=NOON,
    )


def test_entries_are_numbered_as_they_begin() -> None:
    stack, saga, _ = begun(PAY, REFUND)
    stack.push(NODE, "0.2", LATER)
    assert [(e.seq, e.path) for e in saga.stack] == [(1, "0.1"), (2, "0.2")]


def test_a_read_only_step_is_never_undone() -> None:
    looking = PAY.model_copy(update={"read_only": True})
    _, _, pushed = begun(looking, REFUND)
    assert (pushed.read_only, pushed.compensation) == (True, None)


def test_steps_are_numbered_again_as_they_end() -> None:
    stack, saga, first = begun(PAY, REFUND)
    second = stack.push(NODE, "0.2", NOON)
    stack.complete(second, StepReply(attempts=2), LATER)
    stack.fail(first, StepFailure(outcome="UNKNOWN", error=SOLD_OUT, attempts=3), LATER)
    assert (second.ended, second.status, second.attempts) == (1, COMPLETED, 2)
    assert (first.ended, first.status, first.attempts) == (2, UNKNOWN, 3)
    assert (second.outcome, first.outcome) == (COMPLETED, UNKNOWN)
    assert first.ended_at == LATER
    assert first.error == SOLD_OUT
    assert saga.ended == 2


@pytest.mark.parametrize(
    ("components", "kept"),
    [
        ((PAY, REFUND), None),
        ((PAY, REFUND_INPUT), None),
        ((PAY, REFUND_OUTPUT), {"paid": 5}),
        ((PAY.model_copy(update={"compensate": None}),), None),
    ],
)
def test_the_output_is_kept_where_the_undo_declares_it(
    components: tuple[ComponentPolicy, ...], kept: JsonValue
) -> None:
    stack, _, pushed = begun(*components)
    stack.complete(pushed, StepReply(output={"paid": 5}), LATER)
    assert pushed.output == kept


REQUEST = StepRequest(
    saga=SAGA,
    seq=1,
    path="0.1",
    component="pay",
    request={"item": "book"},
    outputs={"createOrder": 1, "createOrder:vip": 2},
    context={"total": 3, "other": 4},
)
GIVEN: JsonValue = {
    "request": {"item": "book"},
    "order": 1,
    "vip": 2,
    "total": 3,
    "absent": None,
}


@pytest.mark.parametrize(
    ("components", "kept"),
    [
        ((PAY, REFUND), None),
        ((PAY, REFUND_OUTPUT), None),
        ((PAY, REFUND_INPUT), GIVEN),
        ((PAY.model_copy(update={"compensate": None}),), None),
    ],
)
def test_the_input_is_kept_where_the_undo_declares_it(
    components: tuple[ComponentPolicy, ...], kept: JsonValue
) -> None:
    stack, _, pushed = begun(*components)
    stack.keep_input(pushed, REQUEST)
    assert pushed.input == kept


@pytest.mark.parametrize(
    ("components", "expected"),
    [
        ((PAY, REFUND), []),
        ((PAY, REFUND, NOTIFY), [produced("pay", {"paid": 5}, "vip", "0.1")]),
    ],
)
def test_an_output_that_somebody_wants_is_produced(
    components: tuple[ComponentPolicy, ...], expected: list[object]
) -> None:
    stack, saga, pushed = begun(*components)
    stack.complete(pushed, StepReply(output={"paid": 5}), LATER)
    assert saga.produced == expected


@pytest.mark.parametrize("failure", ["FAILED", "UNKNOWN"])
def test_a_failed_step_produces_nothing(failure: str) -> None:
    stack, saga, pushed = begun(PAY, REFUND_OUTPUT, NOTIFY)
    failed = StepFailure.model_validate({"outcome": failure, "error": SOLD_OUT})
    stack.fail(pushed, failed, LATER)
    assert (saga.produced, pushed.output) == ([], None)


@pytest.mark.parametrize(
    ("policy", "outcome", "undone"),
    [
        (PAY, "FAILED", False),
        (PAY, "UNKNOWN", True),
        (ALWAYS, "FAILED", True),
        (ALWAYS, "UNKNOWN", True),
    ],
)
def test_which_failures_are_undone(policy: ComponentPolicy, outcome: str, undone: bool) -> None:
    stack, saga, pushed = begun(policy, REFUND)
    failed = StepFailure.model_validate({"outcome": outcome, "error": SOLD_OUT})
    stack.fail(pushed, failed, LATER)
    assert undo_order(saga.stack) == ([pushed] if undone else [])


ORDER = [
    entry(path="a", seq=1, ended=3),
    entry(path="b", seq=2, ended=1),
    entry(UNKNOWN, path="c", seq=3, ended=4),
    entry(EntryStatus.RUNNING, path="running", seq=4),
    entry(path="no compensation", seq=5, ended=2, compensation=None),
    entry(path="d", seq=6, ended=5),
]


@given(stack=st.permutations(ORDER))
@settings(deadline=None)
def test_undo_order_is_the_reverse_order_of_completion(stack: list[StackEntry]) -> None:
    assert [e.path for e in undo_order(stack)] == ["d", "c", "a", "b"]


def test_planned_undos_are_what_would_run_now() -> None:
    stack = [
        entry(path="a", seq=1, ended=1, output={"paid": 5}, given={"request": 1}),
        entry(EntryStatus.COMPENSATING, outcome=COMPLETED, path="b", seq=2),
        entry(EntryStatus.COMPENSATED, outcome=COMPLETED, path="c", seq=3),
        entry(EntryStatus.COMPENSATION_FAILED, outcome=UNKNOWN, path="d", seq=4),
        entry(UNKNOWN, path="e", seq=5, component="notify", compensation="withdraw"),
        entry(EntryStatus.RUNNING, path="f", seq=6),
        entry(FAILED, path="g", seq=7, compensation=None),
    ]
    assert planned_undos(stack) == [
        PlannedUndo(
            order=1, path="e", component="notify", compensation="withdraw", outcome="UNKNOWN"
        ),
        PlannedUndo(
            order=2,
            path="a",
            component="pay",
            compensation="refund",
            outcome="COMPLETED",
            output={"paid": 5},
            input={"request": 1},
        ),
    ]


def test_nothing_is_planned_for_an_empty_stack() -> None:
    assert planned_undos([]) == []
