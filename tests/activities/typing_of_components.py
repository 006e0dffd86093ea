"""How the author's API is typed: mypy reads this file with all others, nothing runs it.

A declaration that must be an error carries its code; a code that is no longer raised is an error
itself (`warn_unused_ignores`).
"""

from collections.abc import Awaitable, Callable
from typing import assert_type

from pydantic import JsonValue

from activities.component import Context, Output, Retry, Step, Undo, component, minutes, seconds
from rules.execution import ErrorInfo


class Order:
    """An output."""


class Given:
    """An input."""


@component("pay", retry=Retry(attempts=2), timeout=seconds(3), heartbeat=minutes(1))
def pay(request: int, step: Step) -> Order:
    step.context.set("paid", [1, "a", None])
    step.context.add("count", 1)
    return Order()


@component("notify")
async def notify(request: int) -> str:
    return str(request)


def the_decorator_keeps_the_signature(step: Step) -> None:
    assert_type(pay(1, step), Order)
    _sync: Callable[[int, Step], Order] = pay
    _async: Callable[[int], Awaitable[str]] = notify
    pay("1", step)  # type: ignore[arg-type]
    pay(1)  # type: ignore[call-arg]


def an_undo_knows_its_types(undo: Undo[Order], full: Undo[Order, Given]) -> None:
    assert_type(undo.output, Order | None)
    assert_type(undo.input, None)
    assert_type(full.input, Given)
    assert_type(undo.error, ErrorInfo | None)
    undo.key = ""  # type: ignore[misc]


def a_context_is_a_mapping_that_takes_operations(context: Context) -> None:
    _present: bool = "a" in context
    context["a"] = 1  # type: ignore[index]
    context.set("a", object())  # type: ignore[arg-type]
    context.add("n", "1")  # type: ignore[arg-type]


def declarations_are_checked() -> None:
    component("x", kind="switch")
    component("x", compensate_when="never")  # type: ignore[arg-type]
    component("x", refuses=(int,))  # type: ignore[arg-type]
    Output(1)  # type: ignore[arg-type]


def asked(step: Step) -> bool:
    return step.index is None


async def asked_later(step: Step) -> bool:
    return step.index is None


def a_step_knows_its_place(step: Step) -> None:
    assert_type(step.index, int | None)
    assert_type(step.outer_index(2), int | None)
    assert_type(step.object, JsonValue)
    assert_type(step.error, ErrorInfo | None)
    assert_type(step.bind("k"), JsonValue)
    assert_type(step.bind("k", int), int | None)
    assert_type(step.data_as(Order), Order | None)
    assert_type(step.data_as(list[int]), list[int] | None)
    step.deliver("pay", Order())  # type: ignore[arg-type]


def hooks_are_checked() -> None:
    component("x", access=asked, end_when=asked_later, continue_on_error=asked, before=asked)
    component("x", continue_on_error=True, fallback=True)
    component("x", access=notify)  # type: ignore[arg-type]
    component("x", access=True)  # type: ignore[arg-type]
    component("x", kind="script")  # type: ignore[arg-type]
    component("x", timout=3)  # type: ignore[call-arg]
    Retry(attempts=2, on=(ConnectionError,))
    Retry(on=("ConnectionError",))  # type: ignore[arg-type]
