"""How the author's API is typed: mypy reads this file with all others, nothing runs it.

A declaration that must be an error carries its code; a code that is no longer raised is an error
itself (`warn_unused_ignores`).
"""

from collections.abc import Awaitable, Callable
from typing import assert_type

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
    component("x", "common")  # type: ignore[call-arg]
    component("x", compensate_when="never")  # type: ignore[arg-type]
    component("x", refuses=(int,))  # type: ignore[arg-type]
    Output(1)  # type: ignore[arg-type]
