"""Requests and components by hand, for the tests of what runs a single step."""

from collections.abc import Callable

from pydantic import JsonValue

from activities.binding import Binding, bind_signature
from activities.registry import Component, Registry
from rules.execution import ErrorInfo
from rules.wire import SagaRef, StepRequest, UndoRequest

SAGA = SagaRef(
    tenant="acme", execution_id="order-1", chain="placeOrder", rule_version=3, first_run_id="run"
)
KEY = "acme:order-1/run/0.2/forward"
UNDO_KEY = "acme:order-1/run/0.2/undo"


def request(
    given: JsonValue = None,
    *,
    component: str = "deductStock",
    path: str = "0.2",
    tag: str | None = None,
    data: str | None = None,
    outputs: dict[str, JsonValue] | None = None,
    context: dict[str, JsonValue] | None = None,
    answers: int = 1,
    lost_attempts: int = 3,
    timeout: float = 60.0,
    undo: UndoRequest | None = None,
) -> StepRequest:
    return StepRequest(
        saga=SAGA,
        seq=1,
        path=path,
        component=component,
        tag=tag,
        data=data,
        request=given,
        outputs=outputs or {},
        context=context or {},
        answers=answers,
        lost_attempts=lost_attempts,
        timeout=timeout,
        undo=undo,
    )


def told(
    *, output: JsonValue = None, given: JsonValue = None, error: ErrorInfo | None = None
) -> UndoRequest:
    return UndoRequest(
        component="deductStock",
        outcome="COMPLETED" if error is None else "UNKNOWN",
        output=output,
        input=given,
        error=error,
        attempts=2,
    )


def binding(function: Callable[..., object], id: str = "deductStock") -> Binding:
    return bind_signature(id, function)


def only(function: Callable[..., object]) -> Component:
    """The one component that a decorated function declares."""
    return next(iter(Registry([function]).values()))


def provide(function: Callable[[], object]) -> object:
    return function()
