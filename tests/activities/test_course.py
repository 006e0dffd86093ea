"""The course of an attempt: what is asked, what is called, and what the next attempt is told."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from activities.component import Refused, Retry, Step, component
from activities.registry import Component
from activities.runner import Provider, Runner, StepError
from api.inprocess.clock import run_virtual
from rules.execution import ErrorInfo
from rules.plan import Kind
from rules.wire import AttemptLog, StepReply, StepRequest
from tests.activities.steps import only, request, told

NO, YES = (lambda: False), (lambda: True)


def raising(error: Exception) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def made(
    body: Callable[[], object] = lambda: None, kind: Kind = "common", **options: Any
) -> Component:
    @component("deductStock", kind=kind, **options)
    def function() -> object:
        return body()

    return only(function)


def attempt(
    of: Component,
    asked: StepRequest | None = None,
    number: int = 1,
    log: AttemptLog | None = None,
) -> StepReply | StepError:
    running = Runner(Provider()).attempt(of, asked or request(), number, log or AttemptLog())
    try:
        return run_virtual(running)
    except StepError as error:
        return error


def failed(answer: StepReply | StepError) -> StepError:
    assert isinstance(answer, StepError)
    return answer


def of(answers: int, round: int | None = None, *types: str) -> StepRequest:
    return request(answers=answers).model_copy(update={"round": round, "retry_types": types})


UNKNOWN_LOG = AttemptLog(answered=1, unknown=True)


@pytest.mark.parametrize(
    ("options", "log", "expected"),
    [
        ({"access": NO}, AttemptLog(), StepReply(skipped=True)),
        ({"access": YES}, AttemptLog(), StepReply(output=7)),
        ({"access": NO, "end_when": YES}, AttemptLog(), StepReply(skipped=True, end=True)),
        ({"end_when": YES}, AttemptLog(), StepReply(output=7, end=True)),
        ({"end_when": NO}, AttemptLog(), StepReply(output=7)),
        # In the middle of a round nobody asks again.
        ({"access": NO}, AttemptLog(answered=1), StepReply(output=7, attempts=2)),
        ({}, AttemptLog(answered=1, ended=True), StepReply(output=7, attempts=2, end=True)),
        # A round begins: what was refused may be left out, and an old wish is forgotten.
        ({"access": NO}, AttemptLog(answered=2), StepReply(attempts=3, skipped=True)),
        ({}, AttemptLog(answered=2, ended=True), StepReply(output=7, attempts=3)),
        # An attempt before which access failed was none.
        ({}, AttemptLog(answered=1, forgone=1, barred=1), StepReply(output=7, attempts=1)),
    ],
)
def test_replies(options: dict[str, Any], log: AttemptLog, expected: StepReply) -> None:
    of_component = made(lambda: 7, **options)
    assert attempt(of_component, of(4, 2), log.answered + 1, log) == expected


@pytest.mark.parametrize(
    ("kind", "read_only", "skipped", "absorbed"),
    [
        ("common", False, False, True),
        ("common", True, True, None),
        ("boolean", None, True, None),
        ("boolean", False, False, False),
    ],
)
def test_what_may_have_happened_is_not_left_out(
    kind: Kind, read_only: bool | None, skipped: bool, absorbed: bool | None
) -> None:
    component = made(kind=kind, read_only=read_only, access=NO)
    answer = attempt(component, of(2, 1), 2, UNKNOWN_LOG)
    if skipped:
        assert answer == StepReply(attempts=2, skipped=True)
        return
    error = failed(answer)
    assert (error.final, error.failure.absorbed, error.failure.outcome) == (
        True,
        absorbed,
        "UNKNOWN",
    )
    assert error.failure.error.code == "NOT_ACCESSIBLE"


def test_a_lost_attempt_may_have_happened() -> None:
    error = failed(attempt(made(access=NO), of(1), 2))
    assert (error.failure.error.code, error.failure.outcome) == ("NOT_ACCESSIBLE", "UNKNOWN")


@pytest.mark.parametrize(
    "raised", [(ValueError("no"), "ACCESS_FAILED"), (Refused("no", code="NO"), "NO")]
)
@pytest.mark.parametrize(
    ("asked", "log", "final", "next_log"),
    [
        (of(1), AttemptLog(), True, AttemptLog(answered=1, barred=1)),
        (of(3), AttemptLog(), True, AttemptLog(answered=1, barred=1, forgone=2)),
        (of(4, 2), AttemptLog(), False, AttemptLog(answered=1, barred=1, forgone=1)),
        (of(4, 2, "Other"), AttemptLog(), True, AttemptLog(answered=1, barred=1, forgone=1)),
        (
            of(4, 2),
            AttemptLog(answered=2, unknown=True),
            True,
            AttemptLog(answered=3, barred=1, forgone=1, unknown=True),
        ),
    ],
)
def test_a_failing_access_uses_up_its_round(
    raised: tuple[Exception, str],
    asked: StepRequest,
    log: AttemptLog,
    final: bool,
    next_log: AttemptLog,
) -> None:
    error = failed(attempt(made(access=raising(raised[0])), asked, log.answered + 1, log))
    assert error.failure.error.code == raised[1]
    assert error.failure.outcome == ("UNKNOWN" if log.unknown else "FAILED")
    assert error.failure.attempts == log.answered
    assert (error.final, error.log) == (final, next_log)


LATER = Retry(attempts=3, on=(ConnectionError,))


@pytest.mark.parametrize(
    ("raised", "asked", "final", "forgone"),
    [
        (ConnectionResetError(), of(3), False, 0),
        (ValueError(), of(3), True, 2),
        (ValueError(), of(6, 3), False, 2),
        (ValueError(), of(6, 3, "ValueError"), False, 2),
        (ValueError(), of(6, 3, "KeyError"), True, 2),
        (Refused("no", final=True), of(6, 3), True, 2),
    ],
)
def test_only_named_exceptions_are_tried_again(
    raised: Exception, asked: StepRequest, final: bool, forgone: int
) -> None:
    error = failed(attempt(made(raising(raised), retry=LATER), asked))
    assert (error.final, error.log.forgone) == (final, forgone)


@pytest.mark.parametrize(
    ("go_on", "asked", "absorbed", "final"),
    [
        (True, of(1), True, True),
        (True, of(2), False, False),
        (True, of(4, 1), True, True),
        (YES, of(1), True, True),
        (NO, of(1), False, True),
        (raising(KeyError()), of(1), False, True),
        (lambda: None, of(1), False, True),
    ],
)
def test_going_on_after_errors(
    go_on: Any, asked: StepRequest, absorbed: bool, final: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        of_component = made(raising(ValueError("bad")), continue_on_error=go_on, end_when=YES)
        error = failed(attempt(of_component, asked))
    assert (error.failure.absorbed, error.final) == (absorbed, final)
    assert (error.failure.outcome, error.failure.error.message) == ("UNKNOWN", "bad")


def test_a_head_cannot_go_on_without_a_result() -> None:
    error = failed(attempt(made(raising(KeyError("k")), "switch", continue_on_error=True)))
    assert not error.failure.absorbed
    assert error.failure.error == ErrorInfo(
        type="NoResult",
        code="NO_RESULT",
        message="'deductStock' goes on after errors, but a switch component that fails answers "
        "nothing: 'k'",
        kinds=("KeyError", "LookupError"),
    )


@pytest.mark.parametrize("hook", ["access", "end_when"])
def test_a_question_is_answered_with_yes_or_no(hook: str) -> None:
    options: dict[str, Any] = {hook: lambda: None}
    error = failed(attempt(made(**options)))
    assert error.failure.error.code == "BAD_OUTPUT"
    assert error.failure.error.message.endswith(f"{hook} answers True or False, not None")
    assert error.failure.outcome == ("FAILED" if hook == "access" else "UNKNOWN")


def test_an_undo_is_always_done() -> None:
    asked = of(1).model_copy(update={"undo": told()})
    options: dict[str, Any] = {"access": NO, "end_when": YES, "continue_on_error": True}
    assert attempt(made(lambda: 7, **options), asked) == StepReply(output=7)
    error = failed(attempt(made(raising(ValueError()), **options), asked))
    assert not error.failure.absorbed


@pytest.mark.parametrize("broken", [False, True])
async def test_what_comes_after_also_comes_after_a_cancel(broken: bool) -> None:
    seen: list[str] = []
    called = asyncio.Event()

    def after() -> None:
        seen.append("after")
        if broken:
            raise ValueError

    def on_error() -> None:
        seen.append("error")

    @component("deductStock", after=after, on_error=on_error)
    async def function() -> None:
        called.set()
        await asyncio.sleep(60)

    running = Runner(Provider()).attempt(only(function), request(), 1, AttemptLog())
    task = asyncio.create_task(running)
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["after"]


async def test_plain_hooks_run_on_threads_and_share_the_step() -> None:
    steps: list[int] = []

    def before(step: Step) -> None:
        steps.append(id(step))
        step.context.set("a", 1)

    @component("deductStock", before=before)
    async def function(step: Step) -> None:
        steps.append(id(step))
        step.context.set("a", 2)

    with ThreadPoolExecutor(1) as threads:
        runner = Runner(Provider(), threads)
        reply = await runner.attempt(only(function), request(), 1, AttemptLog())
    assert len(set(steps)) == 1
    assert [operation.value for operation in reply.operations] == [1, 2]
