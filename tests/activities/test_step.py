"""What a step knows of its place, and how it reads what the chain's text gives it."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, JsonValue

from activities.component import Bind, Context, Delivered, Step, Unreadable
from activities.errors import BadInput
from rules.execution import ErrorInfo
from rules.wire import ContextOperation, Place
from rules.writes import apply_operation
from tests.activities.steps import binding, provide, request


class Colour(StrEnum):
    RED = "red"


class Order(BaseModel):
    item: str
    quantity: int = 1


def asks(step: Step) -> None: ...
def asks_all(step: Step, context: Context) -> None: ...


def step(
    place: Place | None = None,
    data: str | None = None,
    context: dict[str, JsonValue] | None = None,
    *,
    whole: bool = False,
) -> Step:
    asked = request(data=data, context=context).model_copy(update={"place": place})
    return binding(asks_all if whole else asks).bind(asked, 1, provide).step


def test_outside_of_everything() -> None:
    found = step()
    assert (found.index, found.outer_index(), found.object, found.outer_object()) == (None,) * 4
    assert (found.indexes, found.objects, found.targets) == ((), (), ())
    assert (found.error, found.bind("k"), found.data_as(int)) == (None, None, None)
    assert (found.chain, found.current_chain) == ("placeOrder", "placeOrder")


def test_inside_of_everything() -> None:
    error = ErrorInfo(type="E", message="m", code="C")
    place = Place(
        chain="inner",
        indexes=(5, 6, 7),
        objects=("x", {"y": 1}),
        error=error,
        targets=("a", "b"),
    )
    found = step(place)
    assert [found.outer_index(n) for n in (-1, 0, 1, 2, 3)] == [None, 7, 6, 5, None]
    assert [found.outer_object(n) for n in (-1, 0, 1, 2)] == [None, {"y": 1}, "x", None]
    assert (found.index, found.object, found.indexes) == (7, {"y": 1}, (5, 6, 7))
    assert (found.error, found.targets) == (error, ("a", "b"))
    assert (found.chain, found.current_chain) == ("placeOrder", "inner")


READ: list[tuple[str, Any, object]] = [
    ("plain words", str, "plain words"),
    ('"quoted"', str, '"quoted"'),
    ("null", str | None, "null"),
    ("5", int, 5),
    ("5", str, "5"),
    ("0.5", float, 0.5),
    ("true", bool, True),
    ("[1, 2]", list[int], [1, 2]),
    ('{"item": "book"}', Order, Order(item="book")),
    ('{"item": "book"}', dict[str, str], {"item": "book"}),
    ("2026-01-02", date, date(2026, 1, 2)),
    ("red", Colour, Colour.RED),
]


@pytest.mark.parametrize(("text", "shape", "expected"), READ)
def test_texts_are_read_as_asked(text: str, shape: Any, expected: object) -> None:
    found = step(Place(bind={"k": text}), text)
    assert (found.data, found.bind("k")) == (text, text)
    assert found.data_as(shape) == expected
    assert found.bind("k", shape) == expected

    def function(k: Annotated[shape, Bind("k")]) -> None: ...

    asked = request().model_copy(update={"place": Place(bind={"k": text})})
    assert binding(function).bind(asked, 1, provide).arguments == {"k": expected}


@pytest.mark.parametrize(("text", "shape"), [("many", int), ("{}", Order), ("[1", list[int])])
def test_a_misfit_is_told(text: str, shape: Any) -> None:
    found = step(Place(bind={"k": text}), text)
    with pytest.raises(Unreadable, match="the data of 'deductStock': "):
        found.data_as(shape)
    with pytest.raises(Unreadable, match="what is bound to 'k': "):
        found.bind("k", shape)

    def function(k: Annotated[shape, Bind("k")]) -> None: ...

    asked = request().model_copy(update={"place": Place(bind={"k": text})})
    with pytest.raises(BadInput, match="component 'deductStock', parameter 'k': "):
        binding(function).bind(asked, 1, provide)


CONTEXT: dict[str, JsonValue] = {"order": {"lines": {"n": 3}}, "name": "ann", "text": "7"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${name}", "ann"),
        ("${ name }", "ann"),
        ("${order.lines.n}", 3),
        ("${order.lines}", {"n": 3}),
        ("${dataMap.name}", "ann"),
        ("${defaultContext.order.lines.n}", 3),
        ("${defaultContext.dataMap.name}", "ann"),
        ("${nope}", None),
        ("${order.nope.n}", None),
        ("${name.first}", None),
        ("${name", "${name"),
    ],
)
def test_paths_are_looked_up_in_the_context(text: str, expected: JsonValue) -> None:
    assert step(Place(bind={"k": text}), None, CONTEXT, whole=True).bind("k") == expected


def test_a_key_of_the_context_goes_before_an_old_name_of_it() -> None:
    context: dict[str, JsonValue] = {"dataMap": {"name": "own"}, "name": "ann"}
    found = step(Place(bind={"k": "${dataMap.name}"}), None, context, whole=True)
    assert found.bind("k") == "own"


def test_what_was_found_is_read_as_asked() -> None:
    place = Place(bind={"k": "${order}", "n": "${text}"})
    found = step(place, None, {"order": {"item": "book"}, "text": "7"}, whole=True)
    assert found.bind("k", Order) == Order(item="book")
    assert found.bind("n", int) == 7


def test_a_path_into_what_was_not_sent_is_told() -> None:
    found = step(Place(bind={"k": "${order.total}"}))
    with pytest.raises(Unreadable, match="and 'order' was not sent; declare"):
        found.bind("k")


def test_an_absent_binding_needs_an_optional_type() -> None:
    def optional(k: Annotated[int | None, Bind("k")]) -> None: ...
    def needed(k: Annotated[int, Bind("k")]) -> None: ...

    assert binding(optional).bind(request(), 1, provide).arguments == {"k": None}
    with pytest.raises(BadInput):
        binding(needed).bind(request(), 1, provide)


def test_deliveries_come_in_the_order_in_which_they_were_sent() -> None:
    sender = step()
    for number in (1, 2, 3):
        sender.deliver("deductStock", number)
    shared: dict[str, JsonValue] = {"kept": 0}
    for operation in sender.context.operations:
        apply_operation(shared, operation)

    def function(delivered: Delivered) -> None: ...

    key = "chainsaga.delivered.deductStock"
    assert shared == {"kept": 0, key: [1, 2, 3]}
    call = binding(function).bind(request(context=shared), 1, provide)
    delivered = call.arguments["delivered"]
    assert isinstance(delivered, Delivered)
    assert [len(delivered), delivered.take(), delivered.take(), len(delivered)] == [3, 1, 2, 1]
    for operation in call.step.context.operations:
        apply_operation(shared, operation)
    assert shared == {"kept": 0, key: [3]}
    assert [delivered.take(), delivered.take(), len(delivered)] == [3, None, 0]
    apply_operation(shared, call.step.context.operations[-1])
    assert shared == {"kept": 0}


@pytest.mark.parametrize("present", [None, 7, "text", [], {"a": 1}])
def test_taking_from_nothing_leaves_nothing(present: JsonValue) -> None:
    shared: dict[str, JsonValue] = {"k": present}
    apply_operation(shared, ContextOperation(op="take", key="k"))
    assert shared == {}
