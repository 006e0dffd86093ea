"""One attempt, judged: outcome, whether it is the last, and what the next attempt is told."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from activities.component import Context, Provided, Refused, Step, component
from activities.registry import Component
from activities.runner import Provider, Runner, StepError
from api.inprocess.clock import run_virtual
from rules.execution import ErrorInfo
from rules.sizes import OUTPUT_LIMIT
from rules.wire import AttemptLog, ContextOperation, StepReply, StepRequest
from tests.activities.judged import JUDGED, Judged, answering, doing
from tests.activities.steps import only, request

CURRENT: ContextVar[str] = ContextVar("CURRENT")


def attempt(
    component: Component,
    asked: StepRequest | None = None,
    *,
    number: int = 1,
    log: AttemptLog | None = None,
) -> StepReply:
    asked = asked or request(context={"number": 1})
    return run_virtual(Runner(Provider()).attempt(component, asked, number, log or AttemptLog()))


def failing(
    component: Component,
    asked: StepRequest | None = None,
    *,
    number: int = 1,
    log: AttemptLog | None = None,
) -> StepError:
    with pytest.raises(StepError) as caught:
        attempt(component, asked, number=number, log=log)
    return caught.value


@dataclass(frozen=True)
class Before:
    """The attempts before this one: its number, what was answered, whether one is unknown."""

    number: int
    log: AttemptLog
    unknown: bool


BEFORE = {
    "first": Before(1, AttemptLog(), unknown=False),
    "after a refusal": Before(2, AttemptLog(answered=1), unknown=False),
    "after an error": Before(2, AttemptLog(answered=1, unknown=True), unknown=True),
    "after a lost one": Before(2, AttemptLog(), unknown=True),
    "after a refusal and a lost one": Before(3, AttemptLog(answered=1), unknown=True),
    "after all that may be lost": Before(4, AttemptLog(), unknown=True),
    "after many refusals": Before(8, AttemptLog(answered=7), unknown=False),
}


@pytest.mark.parametrize("answers", [1, 2, 3])
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("case", JUDGED.values(), ids=JUDGED)
def test_outcome_last_and_log(case: Judged, before: Before, answers: int) -> None:
    error = failing(
        doing(case.behaviour, case.kind),
        request(context={"number": 1}, answers=answers),
        number=before.number,
        log=before.log,
    )
    unknown = before.unknown or not case.refused
    answered = before.log.answered + 1
    assert error.failure.error == case.error
    assert error.failure.outcome == ("UNKNOWN" if unknown else "FAILED")
    assert error.failure.attempts == before.number
    assert error.log == AttemptLog(answered=answered, unknown=unknown)
    assert error.final is (case.pointless or answered >= answers)
    assert str(error) == case.error.message


class Opaque:
    def __repr__(self) -> str:
        return "opaque"


DETAILS: list[tuple[Any, JsonValue]] = [
    (Decimal("1.5"), "1.5"),
    (date(2026, 1, 2), "2026-01-02"),
    ({1}, [1]),
    (b"\xff", "_w=="),
    (Opaque(), "opaque"),
    ({"a": [1, None]}, {"a": [1, None]}),
]


@pytest.mark.parametrize(("value", "expected"), DETAILS)
def test_whatever_a_refusal_tells_in_its_details_is_told(value: Any, expected: JsonValue) -> None:
    def refuse() -> JsonValue:
        raise Refused("no", details={"it": value})

    error = failing(doing(refuse))
    assert error.failure.outcome == "FAILED"
    assert error.failure.error.details == {"it": expected}


def test_bad_input_is_a_refusal_and_pointless_to_repeat() -> None:
    calls: list[int] = []
    error = failing(doing(lambda: calls.append(1)), request(answers=5))
    assert error.failure.error == ErrorInfo(
        type="BadInput",
        message="component 'deductStock', parameter 'number': Input should be a valid integer",
        code="BAD_INPUT",
    )
    assert (error.failure.outcome, error.final) == ("FAILED", True)
    assert error.log == AttemptLog(answered=1)
    assert calls == []


def test_bad_input_after_a_lost_attempt_leaves_the_outcome_unknown() -> None:
    error = failing(doing(answering(1)), request(answers=5), number=2)
    assert (error.failure.outcome, error.final) == ("UNKNOWN", True)


def test_success_clears_what_was_unknown() -> None:
    reply = attempt(doing(answering(7)), number=4, log=AttemptLog(answered=2, unknown=True))
    assert reply == StepReply(output=7, attempts=4)


@pytest.mark.parametrize("value", ["x" * (OUTPUT_LIMIT - 2), "票" * ((OUTPUT_LIMIT - 2) // 3)])
def test_an_output_may_be_as_large_as_allowed(value: str) -> None:
    assert attempt(doing(answering(value))).output == value


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_answers(value: bool) -> None:
    assert attempt(doing(answering(value), "boolean")).output is value


@given(lost_attempts=st.integers(0, 5), answered=st.integers(0, 5), lost=st.integers(0, 8))
@settings(deadline=None)
def test_only_so_many_attempts_may_be_lost(lost_attempts: int, answered: int, lost: int) -> None:
    calls: list[int] = []
    component = doing(lambda: calls.append(1))
    asked = request(context={"number": 1}, lost_attempts=lost_attempts, answers=9)
    number, log = answered + lost + 1, AttemptLog(answered=answered)
    if lost <= lost_attempts:
        assert attempt(component, asked, number=number, log=log).attempts == number
        assert calls == [1]
        return
    error = failing(component, asked, number=number, log=log)
    assert calls == []
    assert error.final
    assert error.log == AttemptLog(answered=answered, unknown=True)
    assert error.failure.outcome == "UNKNOWN"
    assert error.failure.attempts == number
    assert error.failure.error == ErrorInfo(
        type="AttemptsLost",
        code="ATTEMPTS_LOST",
        message=f"{lost} attempts of 'deductStock' were lost without an answer",
    )


@pytest.mark.parametrize("fails", [False, True])
def test_operations_travel_with_every_outcome(fails: bool) -> None:
    @component("deductStock")
    def function(step: Step, context: Context) -> None:
        context.set("a", 1)
        step.context.add("n", 2)
        context.delete("b")
        if fails:
            raise Refused("no")

    expected = (
        ContextOperation(op="set", key="a", value=1),
        ContextOperation(op="add", key="n", value=2),
        ContextOperation(op="delete", key="b"),
    )
    if fails:
        assert failing(only(function)).failure.operations == expected
    else:
        assert attempt(only(function)).operations == expected


def test_a_failed_binding_has_no_operations() -> None:
    assert failing(doing(answering(1)), request()).failure.operations == ()


def test_an_attempt_writes_only_its_own_operations() -> None:
    @component("deductStock")
    def function(step: Step) -> None:
        step.context.append("attempts", step.attempt)

    one = only(function)
    assert attempt(one, number=1).operations == (
        ContextOperation(op="append", key="attempts", value=1),
    )
    assert attempt(one, number=2).operations == (
        ContextOperation(op="append", key="attempts", value=2),
    )


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(2, "component") as executor:
        yield executor


async def test_a_plain_function_runs_on_a_thread_with_the_callers_context(
    threads: Executor,
) -> None:
    @component("deductStock")
    def function(step: Step) -> str:
        CURRENT.set("of the component")
        return threading.current_thread().name

    seen: list[str] = []

    @component("notify")
    def reads(step: Step) -> None:
        seen.append(CURRENT.get())

    CURRENT.set("of the caller")
    runner = Runner(Provider(), threads)
    reply = await runner.attempt(only(function), request(), 1, AttemptLog())
    assert str(reply.output).startswith("component_")
    await runner.attempt(only(reads), request(), 1, AttemptLog())
    assert seen == ["of the caller"]
    assert CURRENT.get() == "of the caller"


async def test_a_coroutine_runs_on_the_loop(threads: Executor) -> None:
    @component("deductStock")
    async def function(step: Step) -> bool:
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    reply = await Runner(Provider(), threads).attempt(only(function), request(), 1, AttemptLog())
    assert reply.output is True


async def test_plain_functions_do_not_hold_up_the_loop(threads: Executor) -> None:
    met = threading.Barrier(2, timeout=10)

    @component("deductStock")
    def function() -> int:
        return met.wait()

    runner = Runner(Provider(), threads)
    replies = await asyncio.gather(
        *(runner.attempt(only(function), request(), 1, AttemptLog()) for _ in range(2))
    )
    assert {reply.output for reply in replies} == {0, 1}


@pytest.mark.parametrize("on_thread", [True, False])
async def test_an_exhausted_iterator_is_an_error_like_others(
    threads: Executor, on_thread: bool
) -> None:
    runner = Runner(Provider(), threads if on_thread else None)
    asked = request(context={"number": 1})
    component = doing(lambda: next(iter([])))
    async with asyncio.timeout(10):
        with pytest.raises(StepError) as caught:
            await runner.attempt(component, asked, 1, AttemptLog())
    assert caught.value.failure.error.type == "RuntimeError"
    assert caught.value.failure.outcome == "UNKNOWN"


async def test_a_cancel_passes_through() -> None:
    began = asyncio.Event()

    @component("deductStock")
    async def function() -> None:
        began.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(
        Runner(Provider()).attempt(only(function), request(), 1, AttemptLog())
    )
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_a_cancel_reaches_the_component() -> None:
    began, cleaned = asyncio.Event(), asyncio.Event()

    @component("deductStock")
    async def function() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    running = asyncio.create_task(
        Runner(Provider()).attempt(only(function), request(), 1, AttemptLog())
    )
    await began.wait()
    running.cancel()
    await asyncio.wait([running])
    assert cleaned.is_set()


async def test_a_task_that_the_component_cancelled_is_an_error_of_the_component() -> None:
    @component("deductStock")
    async def function() -> None:
        inner = asyncio.create_task(asyncio.sleep(0))
        inner.cancel()
        await inner

    with pytest.raises(StepError) as caught:
        await Runner(Provider()).attempt(only(function), request(), 1, AttemptLog())
    assert caught.value.failure.outcome == "UNKNOWN"


def test_what_is_provided_is_made_once_and_may_be_replaced() -> None:
    made: list[int] = []

    def database() -> str:
        made.append(1)
        return "the database"

    provider = Provider()
    assert [provider(database), provider(database)] == ["the database", "the database"]
    assert made == [1]
    assert Provider({database: "another"})(database) == "another"
    assert made == [1]


def test_a_provider_that_fails_leaves_the_outcome_unknown() -> None:
    def database() -> object:
        raise ConnectionError("no database")

    @component("deductStock")
    def function(shop: Annotated[str, Provided(database)]) -> None: ...

    error = failing(only(function))
    assert error.failure.outcome == "UNKNOWN"
    assert error.failure.error.message == "no database"
