"""What is declared beside a component's function: what it needs, and what contradicts itself."""

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from activities.component import (
    Bind,
    Context,
    Ctx,
    Delivered,
    OnFailure,
    Output,
    Retry,
    Step,
    Strategy,
    Undo,
    component,
)
from activities.errors import ComponentInvalid
from activities.registry import Registry
from rules.compiler import ChainText, compile_chain
from rules.plan import Kind, Needs, OutputNeed, RetryPolicy
from tests.activities.steps import only


def needs_request(request: int) -> bool:
    return request > 0


def needs_output(order: Annotated[int, Output("order")]) -> bool:
    return order > 0


def needs_maybe(order: Annotated[int | None, Output("order")]) -> None: ...
def needs_key(total: Annotated[int, Ctx("total")]) -> None: ...
def needs_all(context: Context) -> None: ...
def needs_bound(limit: Annotated[int, Bind("limit")]) -> None: ...
def needs_deliveries(delivered: Delivered) -> None: ...
def takes_error(error: Exception) -> None: ...
def is_told_of_undo(undo: Undo[int]) -> None: ...


ORDER = OutputNeed(name="order")
MAYBE = OutputNeed(name="order", optional=True)
OWN = {"total": "context:total"}


@pytest.mark.parametrize(
    ("hooks", "needs"),
    [
        ({}, Needs(context_keys=("total",), inputs=OWN)),
        ({"before": needs_key}, Needs(context_keys=("total",), inputs=OWN)),
        ({"access": needs_request}, Needs(request=True, context_keys=("total",), inputs=OWN)),
        (
            {"end_when": needs_output, "after": needs_maybe},
            Needs(outputs=(ORDER,), context_keys=("total",), inputs=OWN),
        ),
        ({"after": needs_maybe}, Needs(outputs=(MAYBE,), context_keys=("total",), inputs=OWN)),
        (
            {"on_success": needs_all},
            Needs(context_keys=("total",), whole_context=True, inputs=OWN),
        ),
        ({"before": needs_bound}, Needs(context_keys=("total",), whole_context=True, inputs=OWN)),
        ({"on_error": takes_error}, Needs(context_keys=("total",), inputs=OWN)),
        (
            {"before": needs_deliveries},
            Needs(context_keys=("total", "chainsaga.delivered.pay"), inputs=OWN),
        ),
    ],
)
def test_what_hooks_need_travels_too(hooks: dict[str, Any], needs: Needs) -> None:
    @component("pay", **hooks)
    def pay(total: Annotated[int, Ctx("total")]) -> None: ...

    assert only(pay).policy.needs == needs


UNASKED = "a compensation has no access, end_when or continue_on_error; it must be done"
NO_UNDO = "only a component itself is told of an undo; drop the parameter"


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        ({"access": lambda: True}, UNASKED),
        ({"end_when": lambda: True}, UNASKED),
        ({"continue_on_error": True}, UNASKED),
        ({"continue_on_error": lambda: True}, UNASKED),
        ({"before": is_told_of_undo}, NO_UNDO),
        ({"access": lambda step: True}, UNASKED),
    ],
)
def test_hooks_that_do_not_go_with_an_undo(hooks: dict[str, Any], problem: str) -> None:
    @component("giveBack", **hooks)
    def give_back(undo: Undo[int]) -> None: ...

    assert told(give_back).endswith(problem)


@pytest.mark.parametrize(
    ("hooks", "problem"),
    [
        ({"access": lambda step: True}, "parameter 'step' has no type"),
        (
            {"access": takes_error},
            "parameter 'error' has no source: call it 'request', or annotate",
        ),
        (
            {"continue_on_error": True, "on_failure": OnFailure(strategy=Strategy.MANUAL)},
            "continue_on_error goes on before MANUAL could act; drop one of them",
        ),
        (
            {"continue_on_error": True, "on_failure": OnFailure(strategy=Strategy.RETRY)},
            "continue_on_error goes on before RETRY could act; drop one of them",
        ),
    ],
)
def test_a_wrong_declaration_is_told_at_start(hooks: dict[str, Any], problem: str) -> None:
    @component("pay", **hooks)
    def pay() -> None: ...

    assert problem in told(pay)


def told(*functions: Callable[..., object]) -> str:
    with pytest.raises(ComponentInvalid) as caught:
        Registry(functions)
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "go_on", "strategy"),
    [
        ("common", True, Strategy.IGNORE),
        ("common", False, Strategy.COMPENSATE),
        ("common", lambda: True, Strategy.COMPENSATE),
        ("boolean", True, Strategy.COMPENSATE),
    ],
)
def test_who_goes_on_after_errors_also_goes_on_without_an_answer(
    kind: Kind, go_on: Any, strategy: Strategy
) -> None:
    @component("pay", kind=kind, continue_on_error=go_on)
    def pay() -> bool:
        return True

    assert only(pay).policy.on_failure.strategy is strategy


def test_what_is_tried_again_is_no_part_of_the_policy() -> None:
    @component("pay", retry=Retry(attempts=3, on=(ConnectionError,)))
    def pay() -> None: ...

    assert only(pay).policy.retry == RetryPolicy(attempts=3)
    assert only(pay).declaration.retried == (ConnectionError,)


def fallback(id: str, kind: Kind) -> Callable[..., object]:
    @component(id, kind=kind, fallback=True)
    def function(step: Step) -> bool:
        return True

    return function


def test_there_is_one_fallback_of_a_kind() -> None:
    words = told(fallback("spare", "common"), fallback("test", "boolean"), fallback("b", "common"))
    assert "there is a fallback for common components already: 'spare'" in words
    assert words.startswith("component 'b' (")


def test_fallbacks_stand_in_by_kind() -> None:
    registry = Registry([fallback("spare", "common"), fallback("test", "boolean")])
    chains = {"c": ChainText("c", 'IF(node("x"), node("y"))')}
    plan = compile_chain("c", chains=chains, components=registry.policies).plan
    assert set(plan.components) == {"spare", "test"}
