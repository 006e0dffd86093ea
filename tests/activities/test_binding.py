"""From a signature to a call: where each value comes from, and what is said of a misfit."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue
from typing_extensions import TypedDict

from activities.component import Context, Ctx, Output, Provided, Step, Undo
from activities.errors import BadInput, BadOutput
from rules.execution import ErrorInfo
from rules.plan import Needs, OutputNeed
from rules.wire import StepRequest
from tests.activities.steps import KEY, UNDO_KEY, binding, provide, request, told


class Order(BaseModel):
    item: str
    quantity: int = 1


@dataclass(frozen=True)
class Line:
    item: str
    due: date


class Given(TypedDict):
    request: Order
    total: int


def database() -> object:
    return "the database"


def takes_model(request: Order) -> None: ...
def takes_dataclass(request: Line) -> None: ...
def takes_dict(request: dict[str, int]) -> None: ...
def takes_scalar(request: int) -> None: ...
def takes_anything(request: JsonValue) -> None: ...
def takes_output(order: Annotated[Order, Output("createOrder")]) -> None: ...
def takes_tagged(order: Annotated[Order, Output("createOrder", "vip")]) -> None: ...
def takes_optional(order: Annotated[Order | None, Output("createOrder")]) -> None: ...
def takes_old_optional(
    order: Annotated[Optional[Order], Output("createOrder", tag="vip")],  # noqa: UP045 - both forms
) -> None: ...
def takes_key(total: Annotated[int, Ctx("total")]) -> None: ...
def takes_optional_key(total: Annotated[int | None, Ctx("total")]) -> None: ...
def takes_provided(shop: Annotated[str, Provided(database)]) -> None: ...


ORDER: dict[str, JsonValue] = {"item": "book", "quantity": 2}

BOUND: list[tuple[Callable[..., object], StepRequest, dict[str, object]]] = [
    (takes_model, request(ORDER), {"request": Order(item="book", quantity=2)}),
    (takes_model, request({"item": "book"}), {"request": Order(item="book")}),
    (
        takes_dataclass,
        request({"item": "book", "due": "2026-01-02"}),
        {"request": Line("book", date(2026, 1, 2))},
    ),
    (takes_dict, request({"a": 1}), {"request": {"a": 1}}),
    (takes_scalar, request(7), {"request": 7}),
    (takes_anything, request([1, "a", None]), {"request": [1, "a", None]}),
    (
        takes_output,
        request(outputs={"createOrder": ORDER}),
        {"order": Order(item="book", quantity=2)},
    ),
    (
        takes_tagged,
        request(outputs={"createOrder": {"item": "lamp"}, "createOrder:vip": ORDER}),
        {"order": Order(item="book", quantity=2)},
    ),
    (takes_optional, request(), {"order": None}),
    (takes_optional, request(outputs={"createOrder": None}), {"order": None}),
    (
        takes_optional,
        request(outputs={"createOrder": ORDER}),
        {"order": Order(item="book", quantity=2)},
    ),
    (takes_old_optional, request(outputs={"createOrder": ORDER}), {"order": None}),
    (takes_key, request(context={"total": 3, "other": 4}), {"total": 3}),
    (takes_optional_key, request(), {"total": None}),
    (takes_provided, request(), {"shop": "the database"}),
]


@pytest.mark.parametrize(
    ("function", "asked", "expected"),
    BOUND,
    ids=[f"{f.__name__}-{i}" for i, (f, _, _) in enumerate(BOUND)],
)
def test_a_parameter_gets_its_value_from_its_source(
    function: Callable[..., object], asked: StepRequest, expected: dict[str, object]
) -> None:
    assert binding(function).bind(asked, 1, provide).arguments == expected


def test_a_step_knows_itself() -> None:
    def function(me: Step) -> None: ...

    asked = request(tag="vip", data='{"a": 1}', timeout=4)
    me = binding(function).bind(asked, 3, provide).arguments["me"]
    assert isinstance(me, Step)
    assert (me.tenant, me.execution_id, me.chain) == ("acme", "order-1", "placeOrder")
    assert (me.component, me.path, me.tag, me.data) == ("deductStock", "0.2", "vip", '{"a": 1}')
    assert (me.attempt, me.timeout, me.key) == (3, 4, KEY)


@given(number=st.integers(1, 100))
@settings(deadline=None)
def test_every_attempt_has_the_same_key(number: int) -> None:
    def function(me: Step) -> None: ...

    assert binding(function).bind(request(), number, provide).step.key == KEY


def test_the_context_is_a_copy_that_is_read_like_a_mapping() -> None:
    def function(context: Context) -> None: ...

    values: dict[str, JsonValue] = {"a": 1, "b": [2]}
    call = binding(function).bind(request(context=values), 1, provide)
    context = call.arguments["context"]
    assert isinstance(context, Context)
    assert dict(context) == values
    assert call.step.context.operations is context.operations
    context.set("a", 2)
    assert context["a"] == 1
    with pytest.raises(KeyError):
        context["missing"]


def test_an_undo_is_told_of_its_step() -> None:
    def function(undo: Undo[Order]) -> None: ...

    error = ErrorInfo(type="TimeoutError", message="no answer", code="TIMEOUT")
    asked = request(tag="vip", undo=told(output=ORDER, given={"total": 1}, error=error))
    undo = binding(function).bind(asked, 2, provide).arguments["undo"]
    assert undo == Undo(
        tenant="acme",
        execution_id="order-1",
        component="deductStock",
        path="0.2",
        tag="vip",
        outcome="UNKNOWN",
        output=Order(item="book", quantity=2),
        input=None,
        error=error,
        attempt=2,
        key=UNDO_KEY,
        forward_key=KEY,
    )


def test_an_undo_reads_the_input_where_it_declares_one() -> None:
    def function(undo: Undo[Order, Given]) -> None: ...

    asked = request(undo=told(output=None, given={"request": {"item": "book"}, "total": 4}))
    undo = binding(function).bind(asked, 1, provide).arguments["undo"]
    assert isinstance(undo, Undo)
    assert undo.output is None
    assert undo.input == {"request": Order(item="book"), "total": 4}


def test_a_bare_undo_reads_neither_output_nor_input() -> None:
    def function(undo: Undo) -> None: ...  # type: ignore[type-arg]

    asked = request(undo=told(output={"any": "shape"}, given={"any": "shape"}))
    undo = binding(function).bind(asked, 1, provide).arguments["undo"]
    assert isinstance(undo, Undo)
    assert (undo.output, undo.input) == (None, None)


def takes_undo(undo: Undo[Order]) -> None: ...
def takes_undo_input(undo: Undo[Order, Given]) -> None: ...


MISFITS: list[tuple[Callable[..., object], StepRequest, str, str]] = [
    (takes_model, request({}), "request", "item: Field required"),
    (
        takes_model,
        request({"quantity": "many"}),
        "request",
        "item: Field required (and 1 more)",
    ),
    (
        takes_dict,
        request({"a": "x"}),
        "request",
        "a: Input should be a valid integer, unable to parse string as an integer",
    ),
    (takes_scalar, request(None), "request", "Input should be a valid integer"),
    (
        takes_output,
        request(outputs={"createOrder": {"item": 1}}),
        "order",
        "item: Input should be a valid string",
    ),
    (
        takes_optional,
        request(outputs={"createOrder": {"item": "a", "quantity": [1]}}),
        "order",
        "quantity: Input should be a valid integer",
    ),
    (takes_key, request(), "total", "Input should be a valid integer"),
    (
        takes_undo,
        request(undo=told(output={"quantity": 1})),
        "undo",
        "item: Field required",
    ),
    (
        takes_undo_input,
        request(undo=told(given={"request": {"item": "a"}})),
        "undo",
        "total: Field required",
    ),
    (takes_undo, request(), "undo", "a compensation cannot run as a forward step"),
]


@pytest.mark.parametrize(
    ("function", "asked", "parameter", "problem"),
    MISFITS,
    ids=[f"{f.__name__}-{i}" for i, (f, _, _, _) in enumerate(MISFITS)],
)
def test_a_wrong_shape_names_component_parameter_and_field(
    function: Callable[..., object], asked: StepRequest, parameter: str, problem: str
) -> None:
    with pytest.raises(BadInput) as caught:
        binding(function).bind(asked, 1, provide)
    assert str(caught.value) == f"component 'deductStock', parameter '{parameter}': {problem}"
    assert (caught.value.component, caught.value.field) == ("deductStock", parameter)
    assert caught.value.code == "BAD_INPUT"


def gives_none() -> None: ...
def gives_model() -> Order: ...  # type: ignore[empty-body] # only its type is read
def gives_dataclass() -> Line: ...  # type: ignore[empty-body] # only its type is read
def gives_list() -> list[Order]: ...  # type: ignore[empty-body] # only its type is read
def gives_moment() -> datetime: ...  # type: ignore[empty-body] # only its type is read
def gives_optional() -> Order | None: ...
def gives_number() -> int: ...  # type: ignore[empty-body] # only its type is read
def gives_undeclared():  # type: ignore[no-untyped-def] # noqa: ANN201 - an author who declares nothing
    ...


DUMPED: list[tuple[Callable[..., object], Any, JsonValue]] = [
    (gives_none, None, None),
    (gives_model, Order(item="book"), {"item": "book", "quantity": 1}),
    (gives_model, {"item": "book", "quantity": "3"}, {"item": "book", "quantity": 3}),
    (gives_dataclass, Line("book", date(2026, 1, 2)), {"item": "book", "due": "2026-01-02"}),
    (
        gives_list,
        [Order(item="a"), Order(item="b")],
        [{"item": "a", "quantity": 1}, {"item": "b", "quantity": 1}],
    ),
    (gives_moment, datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00Z"),
    (gives_optional, None, None),
    (gives_undeclared, {"a": [1, 2.5, None, "x", True]}, {"a": [1, 2.5, None, "x", True]}),
]


@pytest.mark.parametrize(("function", "value", "expected"), DUMPED)
def test_what_is_returned_becomes_json(
    function: Callable[..., object], value: object, expected: JsonValue
) -> None:
    assert binding(function).dump(value) == expected


BAD_RETURNS: list[tuple[Callable[..., object], object, str]] = [
    (gives_none, 1, "Input should be None"),
    (
        gives_model,
        None,
        "Input should be a valid dictionary or instance of Order",
    ),
    (gives_model, {"quantity": 2}, "item: Field required"),
    (
        gives_list,
        [Order(item="a"), 1],
        "1: Input should be a valid dictionary or instance of Order",
    ),
    (gives_number, "x", "Input should be a valid integer, unable to parse string as an integer"),
    (gives_undeclared, {"a": {1}}, "dict.a: input was not a valid JSON value"),
]


@pytest.mark.parametrize(("function", "value", "problem"), BAD_RETURNS)
def test_a_wrong_return_is_a_bad_output(
    function: Callable[..., object], value: object, problem: str
) -> None:
    with pytest.raises(BadOutput) as caught:
        binding(function).dump(value)
    assert str(caught.value) == (
        f"component 'deductStock' returned something else than it declares: {problem}"
    )


def test_needs_are_all_that_travels() -> None:
    def function(
        request: Order,
        order: Annotated[Order, Output("createOrder")],
        vip: Annotated[Order | None, Output("createOrder", "vip")],
        total: Annotated[int, Ctx("total")],
        shop: Annotated[str, Provided(database)],
    ) -> None: ...

    assert binding(function).needs == Needs(
        request=True,
        outputs=(
            OutputNeed(name="createOrder"),
            OutputNeed(name="createOrder", tag="vip", optional=True),
        ),
        context_keys=("total",),
        inputs={
            "request": "request",
            "order": "output:createOrder",
            "vip": "output:createOrder:vip",
            "total": "context:total",
        },
    )


def wants_nothing() -> None: ...
def wants_context(context: Context) -> None: ...
def wants_undo(undo: Undo[Order]) -> None: ...
def wants_undo_and_input(undo: Undo[Order, Given]) -> None: ...
def wants_bare_undo(undo: Undo) -> None: ...  # type: ignore[type-arg] # an author may omit them


@pytest.mark.parametrize(
    ("function", "needs"),
    [
        (wants_nothing, Needs()),
        (wants_context, Needs(whole_context=True)),
        (wants_undo, Needs(undo_output=True)),
        (wants_undo_and_input, Needs(undo_output=True, undo_input=True)),
        (wants_bare_undo, Needs()),
    ],
)
def test_needs_of_the_other_sources(function: Callable[..., object], needs: Needs) -> None:
    assert binding(function).needs == needs
