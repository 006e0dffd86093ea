"""What an author may declare wrongly, and the words in which the process says so at its start."""

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel

from activities.binding import bind_signature
from activities.component import (
    ContextWrites,
    Ctx,
    OnFailure,
    Output,
    Retry,
    Step,
    Strategy,
    Undo,
    component,
    minutes,
    seconds,
)
from activities.declaration import DECLARATION, Declaration
from activities.errors import ComponentInvalid
from activities.registry import Registry
from rules.plan import ComponentPolicy
from rules.wire import ContextOperation
from tests.activities.steps import only


class Order(BaseModel):
    item: str


class Socket:
    """Nothing that pydantic can read."""


class Old(TypedDict):
    """Before Python 3.12 pydantic reads only the TypedDict of `typing_extensions`."""


def untyped(request) -> None: ...  # type: ignore[no-untyped-def] # noqa: ANN001 - the mistake
def star(*request: Order) -> None: ...
def stars(**request: Order) -> None: ...
def positional(request: Order, /) -> None: ...
def unknown(order: Order) -> None: ...
def only_marked(order: Annotated[Order, "createOrder"]) -> None: ...
def unread(request: Socket) -> None: ...
def unread_old(request: Old) -> None: ...
def unread_output(order: Annotated[Socket, Output("createOrder")]) -> None: ...
def unread_undo(undo: Undo[Socket]) -> None: ...
def unread_return(request: Order) -> Socket: ...  # type: ignore[empty-body] # only its type is read
def undefined(request: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821 - the mistake
def misspelt(request: "pytest.Nowhere") -> None: ...  # type: ignore[name-defined] # the mistake


NO_SOURCE = (
    "parameter 'order' has no source: call it 'request', or annotate it with "
    'Output("component"), Ctx("key"), Bind("key"), Provided(function), or the types Step, '
    "Context, Delivered, Undo"
)

WRONG: list[tuple[Callable[..., object], str]] = [
    (untyped, "parameter 'request' has no type"),
    (star, "'*request' cannot be bound; name each parameter"),
    (stars, "'*request' cannot be bound; name each parameter"),
    (positional, "'request' cannot be bound by name; drop the '/' after it"),
    (unknown, NO_SOURCE),
    (only_marked, NO_SOURCE),
    (unread, "parameter 'request' has a type that cannot be read from JSON"),
    (unread_old, "parameter 'request' has a type that cannot be read from JSON"),
    (unread_output, "parameter 'order' has a type that cannot be read from JSON"),
    (unread_undo, "parameter 'undo' has a type that cannot be read from JSON"),
    (unread_return, "it returns a type that cannot be written as JSON"),
    (undefined, "cannot read its annotations: name 'Nowhere' is not defined"),
    (misspelt, "cannot read its annotations: module 'pytest' has no attribute 'Nowhere'"),
]


@pytest.mark.parametrize(("function", "problem"), WRONG, ids=[f.__name__ for f, _ in WRONG])
def test_a_wrong_signature_is_told_with_its_place(
    function: Callable[..., object], problem: str
) -> None:
    with pytest.raises(ComponentInvalid) as caught:
        bind_signature("pay", function)
    where = f"{__name__}.{function.__qualname__}"
    assert str(caught.value) == f"component 'pay' ({where}): {problem}"
    assert (caught.value.component, caught.value.where) == ("pay", where)


def test_a_second_parameter_cannot_take_the_request_too() -> None:
    def function(request: Order, order: Order) -> None: ...

    with pytest.raises(ComponentInvalid, match="parameter 'order' has no source"):
        bind_signature("pay", function)


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"timeout": 0}, "timeout: Input should be greater than 0"),
        ({"heartbeat": -1}, "heartbeat: Input should be greater than 0"),
        ({"lost_attempts": -1}, "lost_attempts: Input should be greater than or equal to 0"),
        (
            {"kind": "script"},
            "kind: Input should be 'common', 'boolean', 'switch', 'for' or 'iterator'",
        ),
    ],
)
def test_a_wrong_policy_names_its_component(declared: dict[str, Any], problem: str) -> None:
    @component("pay", **declared)
    def pay() -> None: ...

    with pytest.raises(ComponentInvalid) as caught:
        Registry([pay])
    assert str(caught.value) == f"component 'pay' ({__name__}.{pay.__qualname__}): {problem}"


def declaration(function: Callable[..., object]) -> Declaration:
    found = getattr(function, DECLARATION)
    assert isinstance(found, Declaration)
    return found


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    def pay(total: int) -> int:
        return total

    assert component("pay")(pay) is pay


def test_defaults() -> None:
    @component("pay")
    def pay() -> None: ...

    assert only(pay).policy == ComponentPolicy(
        id="pay",
        kind="common",
        name=None,
        compensate=None,
        compensate_when="unknown",
        read_only=False,
        irreversible=False,
        retry=None,
        lost_attempts=3,
        timeout=60,
        heartbeat=15,
    )


def test_everything_that_is_declared_is_in_the_policy() -> None:
    @component(
        "pay",
        name="take the money",
        compensate="refund",
        compensate_when="always",
        retry=Retry(attempts=5, interval=0.5, backoff=3, max_interval=9),
        on_failure=OnFailure(strategy=Strategy.MANUAL, deadline=minutes(5), default="skip"),
        timeout=seconds(7),
        heartbeat=minutes(2),
        irreversible=True,
        lost_attempts=8,
    )
    def pay(total: Annotated[int, Ctx("total")], step: Step) -> None: ...

    @component("refund")
    def refund(undo: Undo) -> None: ...  # type: ignore[type-arg] # reads nothing of it

    policy = Registry([pay, refund])["pay"].policy
    assert policy.model_dump(exclude={"needs"}) == {
        "id": "pay",
        "kind": "common",
        "name": "take the money",
        "compensate": "refund",
        "compensate_when": "always",
        "read_only": False,
        "irreversible": True,
        "fallback": False,
        "retry": {"attempts": 5, "interval": 0.5, "backoff": 3, "max_interval": 9},
        "on_failure": {
            "strategy": "MANUAL",
            "rounds": 1,
            "afterwards": "COMPENSATE",
            "deadline": 300,
            "default": "skip",
        },
        "lost_attempts": 8,
        "timeout": 7,
        "heartbeat": 120,
    }
    assert policy.needs.context_keys == ("total",)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, False),
        ({"read_only": True}, True),
        ({"kind": "boolean"}, True),
        ({"kind": "boolean", "read_only": False}, False),
        ({"kind": "boolean", "compensate": "refund"}, False),
    ],
)
def test_what_is_read_only_unless_told(declared: dict[str, Any], expected: bool) -> None:
    @component("pay", **declared)
    def pay() -> bool:
        return True

    assert declaration(pay).harmless is expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({}, 3),
        ({"idempotent": False}, 0),
        ({"idempotent": False, "lost_attempts": 2}, 2),
        ({"lost_attempts": 0}, 0),
    ],
)
def test_how_many_attempts_may_be_lost(declared: dict[str, Any], expected: int) -> None:
    @component("pay", **declared)
    def pay() -> None: ...

    assert only(pay).policy.lost_attempts == expected


def test_writes_to_the_context_are_operations_in_order() -> None:
    writes = ContextWrites()
    writes.set("a", {"x": 1})
    writes.add("n", 2)
    writes.append("l", "x")
    writes.delete("a")
    assert writes.operations == [
        ContextOperation(op="set", key="a", value={"x": 1}),
        ContextOperation(op="add", key="n", value=2),
        ContextOperation(op="append", key="l", value="x"),
        ContextOperation(op="delete", key="a"),
    ]


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), "3", None])
def test_only_a_finite_number_can_be_added(amount: Any) -> None:
    writes = ContextWrites()
    with pytest.raises((TypeError, ValueError)):
        writes.add("n", amount)
    assert writes.operations == []
