"""A component as an activity: what Temporal is told of its attempts, its failures and its life."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import JsonValue
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.component import Refused, component
from activities.execute import StepActivity, component_activities, script_activity
from activities.registry import Registry
from activities.runner import Provider, Runner, StepError
from api.inprocess.clock import run_virtual
from rules.wire import AttemptLog, StepFailure, StepReply, StepRequest
from tests.activities.judged import JUDGED, Behaviour, Judged, answering, doing, raising
from tests.activities.steps import request

BENIGN = ApplicationErrorCategory.BENIGN
ORDINARY = ApplicationErrorCategory.UNSPECIFIED


def activity_of(function: Callable[..., object]) -> StepActivity:
    (activity,) = component_activities(Registry([function]), Runner(Provider()))
    return activity


class Attempts:
    """An activity environment that remembers every heartbeat."""

    def __init__(
        self,
        attempt: int = 1,
        *details: JsonValue,
        heartbeat: float | None = None,
    ) -> None:
        self.beats: list[object] = []
        self.environment = ActivityEnvironment()
        self.environment.info = replace(
            self.environment.info,
            attempt=attempt,
            heartbeat_details=details,
            heartbeat_timeout=None if heartbeat is None else timedelta(seconds=heartbeat),
        )
        self.environment.on_heartbeat = self.beats.append

    async def run(self, activity: StepActivity, asked: StepRequest) -> StepReply:
        return await self.environment.run(activity, asked)

    def fail(self, activity: StepActivity, asked: StepRequest) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            run_virtual(self.run(activity, asked))
        return caught.value


def acting(behaviour: Behaviour) -> StepActivity:
    return activity_of(doing(behaviour).function)


READY = request(context={"number": 1}, answers=3)


def test_there_is_one_activity_per_component_under_its_id() -> None:
    @component("pay")
    def first() -> None: ...

    @component("创建订单")
    async def second() -> None: ...

    registry = Registry([first, second])
    activities = list(component_activities(registry, Runner(Provider())))
    names = [vars(a)["__temporal_activity_definition"].name for a in activities]
    assert names == ["pay", "创建订单"]
    assert all(asyncio.iscoroutinefunction(a) for a in activities)


def test_a_success_needs_no_heartbeat() -> None:
    attempts = Attempts(3, {"answered": 1, "unknown": True})
    reply = run_virtual(attempts.run(acting(answering(7)), READY))
    assert reply == StepReply(output=7, attempts=3)
    assert attempts.beats == []


@pytest.mark.parametrize(
    ("number", "details", "expected"),
    [
        (1, (), AttemptLog(answered=1)),
        (2, ({"answered": 1, "unknown": False},), AttemptLog(answered=2)),
        (2, ({"answered": 1},), AttemptLog(answered=2)),
        (2, ({"answered": 1, "unknown": True},), AttemptLog(answered=2, unknown=True)),
        (2, (), AttemptLog(answered=1, unknown=True)),
        (3, ({"answered": 1, "unknown": False},), AttemptLog(answered=2, unknown=True)),
    ],
)
def test_the_last_heartbeat_carries_the_log(
    number: int, details: tuple[JsonValue, ...], expected: AttemptLog
) -> None:
    attempts = Attempts(number, *details)
    attempts.fail(acting(raising(Refused("no"))), READY)
    assert attempts.beats == [expected]


def test_what_was_beaten_is_understood_by_the_next_attempt() -> None:
    activity = acting(raising(Refused("no")))
    first = Attempts(1)
    first.fail(activity, READY)
    assert isinstance(first.beats[0], AttemptLog)
    second = Attempts(2, first.beats[0].model_dump(mode="json"))
    second.fail(activity, READY)
    assert second.beats == [AttemptLog(answered=2)]


def test_it_beats_three_times_as_often_as_asked_and_repeats_the_log() -> None:
    @component("slow")
    async def slow() -> None:
        await asyncio.sleep(100)

    attempts = Attempts(2, {"answered": 1, "unknown": True}, heartbeat=30)
    run_virtual(attempts.run(activity_of(slow), request()))
    assert attempts.beats == [AttemptLog(answered=1, unknown=True)] * 9


def test_the_answer_is_the_last_beat() -> None:
    @component("slow")
    async def slow() -> None:
        await asyncio.sleep(25)
        raise ConnectionError("gone")

    attempts = Attempts(1, heartbeat=30)
    attempts.fail(activity_of(slow), request())
    assert attempts.beats == [
        AttemptLog(),
        AttemptLog(),
        AttemptLog(answered=1, unknown=True),
    ]


def test_it_stops_beating_with_the_attempt() -> None:
    attempts = Attempts(1, heartbeat=3)

    async def run_on() -> int:
        await attempts.run(acting(answering(1)), READY)
        await asyncio.sleep(60)
        return len(asyncio.all_tasks())

    assert run_virtual(run_on()) == 1
    assert attempts.beats == []


@pytest.mark.parametrize("case", JUDGED.values(), ids=JUDGED)
@pytest.mark.parametrize("answers", [1, 2])
def test_a_failure_tells_temporal_whether_to_go_on(case: Judged, answers: int) -> None:
    component = doing(case.behaviour, case.kind)
    asked = request(context={"number": 1}, answers=answers)
    error = Attempts().fail(activity_of(component.function), asked)
    assert error.message == case.error.message
    assert error.type == case.error.type
    assert error.non_retryable is (case.pointless or answers == 1)
    assert error.category == (BENIGN if case.refused else ORDINARY)
    (failure,) = error.details
    assert isinstance(failure, StepFailure)
    assert failure.error == case.error
    assert failure.outcome == ("FAILED" if case.refused else "UNKNOWN")
    assert not isinstance(error.__cause__, StepError)


@pytest.mark.parametrize(
    ("attempts", "asked", "category"),
    [
        (Attempts(2), READY, ORDINARY),
        (Attempts(2, {"answered": 1, "unknown": True}), READY, ORDINARY),
        (Attempts(2, {"answered": 1, "unknown": False}), READY, BENIGN),
        (Attempts(1), request(), ORDINARY),
        (Attempts(9), READY, ORDINARY),
    ],
    ids=["after a lost one", "after an error", "after a refusal", "bad input", "too many lost"],
)
def test_only_a_step_that_surely_did_nothing_is_business_as_usual(
    attempts: Attempts, asked: StepRequest, category: ApplicationErrorCategory
) -> None:
    assert attempts.fail(acting(raising(Refused("no"))), asked).category == category


def test_too_many_lost_attempts_are_the_last() -> None:
    attempts = Attempts(5)
    error = attempts.fail(acting(answering(1)), READY)
    assert (error.type, error.non_retryable) == ("AttemptsLost", True)
    assert attempts.beats == [AttemptLog(answered=0, unknown=True)]


async def test_a_cancel_by_temporal_is_no_answer() -> None:
    began = asyncio.Event()

    @component("slow")
    async def slow() -> None:
        began.set()
        await asyncio.Event().wait()

    attempts = Attempts()
    running = asyncio.create_task(attempts.run(activity_of(slow), request()))
    await began.wait()
    attempts.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert attempts.beats == []


async def test_what_has_no_activity_and_brings_no_script_is_not_found() -> None:
    environment = ActivityEnvironment()
    environment.payload_converter = pydantic_data_converter.payload_converter
    environment.info = replace(environment.info, activity_type="ghost")
    activity = script_activity(Runner(Provider()))
    converter = pydantic_data_converter.payload_converter
    for given in ([READY], [], ["text"], [READY, READY]):
        payloads = [RawValue(converter.to_payload(one)) for one in given]
        with pytest.raises(ApplicationError, match="'ghost' is not part of this deployment") as no:
            await environment.run(activity, payloads)
        # Another worker may know it.
        assert (no.value.type, no.value.non_retryable) == ("NotFoundError", False)
