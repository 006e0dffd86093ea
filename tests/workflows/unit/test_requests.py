"""What a step is sent: exactly what is declared, from the last completed occurrence."""

from typing import Literal

import pytest
from pydantic import JsonValue

from rules.execution import EntryStatus, ErrorInfo
from rules.plan import ComponentPolicy, Needs, OutputNeed, RetryPolicy, StepNode
from rules.wire import ContextOperation, Produced, StepRequest, UndoRequest
from rules.writes import apply_operation
from tests.workflows.unit.states import SAGA, SOLD_OUT, entry, frost, produced, state
from workflows.requests import (
    MissingOutput,
    forward_request,
    forward_retry,
    undo_request,
    undo_retry,
)

Op = Literal["set", "delete", "add", "append"]

OPERATIONS: list[tuple[Op, JsonValue, JsonValue, JsonValue]] = [
    # operation, its value, what was there, what is there then
    ("set", 2, 1, 2),
    ("set", None, 1, None),
    ("set", {"a": 1}, [1], {"a": 1}),
    ("add", 2, 1, 3),
    ("add", 0.5, 1, 1.5),
    ("add", -3, 1, -2),
    ("add", 2, None, 2),
    ("add", 2, "text", 2),
    ("add", 2, [1], 2),
    ("add", 2, {"a": 1}, 2),
    ("append", 2, [1], [1, 2]),
    ("append", [2], [1], [1, [2]]),
    ("append", None, [1], [1, None]),
    ("append", 2, None, [2]),
    ("append", 2, "text", [2]),
    ("append", 2, 7, [2]),
    ("append", 2, {"a": 1}, [2]),
]


@pytest.mark.parametrize(("op", "value", "present", "expected"), OPERATIONS)
def test_an_operation_on_what_is_there(
    op: Op, value: JsonValue, present: JsonValue, expected: JsonValue
) -> None:
    context = {"key": present, "other": 9}
    apply_operation(context, ContextOperation(op=op, key="key", value=value))
    assert context == {"key": expected, "other": 9}


@pytest.mark.parametrize(
    ("op", "value", "expected"), [("set", 1, 1), ("add", 2, 2), ("append", 3, [3])]
)
def test_an_operation_on_what_is_absent(op: Op, value: JsonValue, expected: JsonValue) -> None:
    context: dict[str, JsonValue] = {}
    apply_operation(context, ContextOperation(op=op, key="key", value=value))
    assert context == {"key": expected}


@pytest.mark.parametrize("context", [{}, {"key": 1}])
def test_what_is_deleted_is_gone(context: dict[str, JsonValue]) -> None:
    apply_operation(context, ContextOperation(op="delete", key="key"))
    assert context == {}


def test_appending_leaves_the_list_that_others_hold_alone() -> None:
    items: list[JsonValue] = [1]
    context: dict[str, JsonValue] = {"key": items}
    apply_operation(context, ContextOperation(op="append", key="key", value=2))
    assert items == [1]


def asking(**needs: object) -> ComponentPolicy:
    return ComponentPolicy(id="pay", needs=Needs.model_validate(needs))


NODE = StepNode(component="pay", tag="vip", data='{"a": 1}')
PRODUCED = [
    produced("createOrder", "first"),
    produced("createOrder", "vip", tag="vip"),
    produced("createOrder", "second"),
    produced("other", "other"),
    produced("createOrder", "small vip", tag="small vip"),
]
CONTEXT: dict[str, JsonValue] = {"a": 1, "b": 2}


def request_of(policy: ComponentPolicy, made: list[Produced] = PRODUCED) -> StepRequest:
    saga = state(produced=made, context=CONTEXT)
    started = entry(EntryStatus.RUNNING, path="0.4", seq=7)
    return forward_request(SAGA, frost(policy, request={"item": "book"}), saga, NODE, started)


def test_a_step_that_declares_nothing_is_sent_nothing() -> None:
    policy = ComponentPolicy(
        id="pay", timeout=7, lost_attempts=2, retry=RetryPolicy(attempts=4), compensate="refund"
    )
    assert request_of(policy) == StepRequest(
        saga=SAGA,
        seq=7,
        path="0.4",
        component="pay",
        tag="vip",
        data='{"a": 1}',
        answers=4,
        lost_attempts=2,
        timeout=7,
    )


def need(name: str, tag: str | None = None, *, optional: bool = False) -> OutputNeed:
    return OutputNeed(name=name, tag=tag, optional=optional)


@pytest.mark.parametrize(
    ("needs", "sent"),
    [
        ({"request": True}, {"request": {"item": "book"}}),
        ({"outputs": (need("createOrder"),)}, {"outputs": {"createOrder": "small vip"}}),
        ({"outputs": (need("createOrder", "vip"),)}, {"outputs": {"createOrder:vip": "vip"}}),
        (
            {"outputs": (need("createOrder"), need("createOrder", "vip"), need("other"))},
            {
                "outputs": {
                    "createOrder": "small vip",
                    "createOrder:vip": "vip",
                    "other": "other",
                }
            },
        ),
        ({"outputs": (need("absent", optional=True),)}, {"outputs": {}}),
        ({"outputs": (need("createOrder", "absent", optional=True),)}, {"outputs": {}}),
        ({"context_keys": ("a", "absent")}, {"context": {"a": 1}}),
        ({"whole_context": True}, {"context": {"a": 1, "b": 2}}),
    ],
)
def test_a_step_is_sent_what_it_declares(
    needs: dict[str, object], sent: dict[str, JsonValue]
) -> None:
    whole = request_of(asking(**needs))
    expected: dict[str, JsonValue] = {"request": None, "outputs": {}, "context": {}, **sent}
    assert {name: getattr(whole, name) for name in expected} == expected


def test_the_last_completed_occurrence_wins() -> None:
    made = [*PRODUCED, produced("createOrder", "again", tag="vip"), produced("createOrder", "last")]
    policy = asking(outputs=(need("createOrder"), need("createOrder", "vip")))
    assert request_of(policy, made).outputs == {"createOrder": "last", "createOrder:vip": "again"}


def test_an_output_of_none_is_an_output() -> None:
    policy = asking(outputs=(need("createOrder"),))
    assert request_of(policy, [produced("createOrder", None)]).outputs == {"createOrder": None}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (need("absent"), "'pay' needs the output of 'absent', which has not completed"),
        (
            need("createOrder", "absent"),
            "'pay' needs the output of 'createOrder:absent', which has not completed",
        ),
    ],
)
def test_an_output_that_nobody_made_is_missing(wanted: OutputNeed, words: str) -> None:
    with pytest.raises(MissingOutput) as caught:
        request_of(asking(outputs=(wanted,)))
    expected = ErrorInfo(type="MissingOutput", code="MISSING_OUTPUT", message=words)
    assert caught.value.error == expected
    assert str(caught.value) == words


def test_the_whole_context_is_a_copy() -> None:
    sent = request_of(asking(whole_context=True))
    sent.context["a"] = 9
    assert CONTEXT["a"] == 1


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (EntryStatus.COMPLETED, "COMPLETED"),
        (EntryStatus.UNKNOWN, "UNKNOWN"),
        (EntryStatus.FAILED, "FAILED"),
    ],
)
def test_an_undo_is_told_of_its_step(outcome: EntryStatus, word: str) -> None:
    refund = ComponentPolicy(
        id="refund",
        timeout=9,
        needs=Needs(request=True, outputs=(need("createOrder"),), context_keys=("b",)),
    )
    done = entry(
        EntryStatus.COMPENSATING,
        outcome=outcome,
        path="0.4",
        tag="vip",
        seq=7,
        attempts=3,
        output={"paid": 5},
        given={"request": 1},
        error=SOLD_OUT,
    )
    saga = state(done, produced=PRODUCED, context=CONTEXT)
    sent = undo_request(SAGA, frost(refund, request={"item": "book"}), saga, done)
    assert sent == StepRequest(
        saga=SAGA,
        seq=7,
        path="0.4",
        component="refund",
        tag="vip",
        request={"item": "book"},
        outputs={"createOrder": "small vip"},
        context={"b": 2},
        answers=5,
        lost_attempts=10,
        timeout=9,
        undo=UndoRequest.model_validate(
            {
                "component": "pay",
                "outcome": word,
                "output": {"paid": 5},
                "input": {"request": 1},
                "error": SOLD_OUT,
                "attempts": 3,
            }
        ),
    )
    assert sent.key == "acme:order-1/run/0.4/undo"
    assert sent.forward_key == "acme:order-1/run/0.4/forward"


def test_an_undo_may_miss_an_output_too() -> None:
    refund = ComponentPolicy(id="refund", needs=Needs(outputs=(need("absent"),)))
    with pytest.raises(MissingOutput, match="'refund' needs the output of 'absent'"):
        undo_request(SAGA, frost(refund), state(), entry())


def test_retries_by_role() -> None:
    silent, telling = ComponentPolicy(id="pay"), RetryPolicy(attempts=2, interval=9)
    assert forward_retry(silent) == RetryPolicy(attempts=1)
    assert undo_retry(silent).attempts == 5
    loud = silent.model_copy(update={"retry": telling})
    assert forward_retry(loud) == undo_retry(loud) == telling
