"""What the interceptor reports of an attempt, and that it changes nothing on the way."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import JsonValue
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from typing_extensions import override

from activities.mirror.changes import Change, StepChange, UndoChange
from activities.mirror.interceptor import MirrorInterceptor
from rules.execution import EntryStatus
from rules.wire import ScriptCall, StepFailure, StepReply, StepRequest, UndoRequest
from tests.activities.mirror.sagas import SOLD_OUT, Saga, at

FORWARD = StepRequest(
    saga=Saga().ref, seq=2, path="0.1", component="deductStock", tag="main", request={"big": 1}
)
UNDO = FORWARD.model_copy(
    update={
        "component": "restoreStock",
        "undo": UndoRequest(
            component="deductStock", outcome="COMPLETED", input={"item": "book"}, attempts=2
        ),
    }
)
FAILURE = StepFailure(outcome="FAILED", error=SOLD_OUT, attempts=3)
UNKNOWN = StepFailure(outcome="UNKNOWN", error=SOLD_OUT, attempts=3)


class Sink:
    def __init__(self) -> None:
        self.changes: list[Change] = []

    def put(self, change: Change) -> None:
        self.changes.append(change)


class Last(ActivityInboundInterceptor):
    """The end of the chain of interceptors: the activity itself."""

    def __init__(self, act: Callable[[], Awaitable[object]]) -> None:
        self._act = act

    @override
    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        return await self._act()


async def report(
    outcome: object, *args: object, kind: str = "deductStock", attempt: int = 3
) -> tuple[list[Change], object]:
    """Run one attempt that ends in `outcome`; the changes, and what came out."""

    async def act() -> object:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    sink = Sink()
    recorder = MirrorInterceptor(sink).intercept_activity(Last(act))
    environment = ActivityEnvironment()
    environment.payload_converter = pydantic_data_converter.payload_converter
    environment.info = dataclasses.replace(
        ActivityEnvironment.default_info(),
        activity_type=kind,
        attempt=attempt,
        scheduled_time=at(1),
        started_time=at(2),
    )

    async def run() -> object:
        given = ExecuteActivityInput(fn=act, args=list(args), executor=None, headers={})
        try:
            return await recorder.execute_activity(given)
        except BaseException as error:  # noqa: BLE001 - what goes through is what is tested
            return error

    return sink.changes, await environment.run(run)


def refused(detail: object, *, final: bool) -> ApplicationError:
    return ApplicationError("sold out", detail, type="Refused", non_retryable=final)


DONE = StepReply(output={"id": 7}, attempts=3)
FORWARD_CASES: list[tuple[str, object, EntryStatus, str | None, JsonValue]] = [
    ("completed", DONE, EntryStatus.COMPLETED, None, {"id": 7}),
    ("left out", StepReply(attempts=3, skipped=True), EntryStatus.SKIPPED, None, None),
    ("refused for good", refused(FAILURE, final=True), EntryStatus.FAILED, "REFUSED", None),
    ("refused, more to come", refused(FAILURE, final=False), EntryStatus.RUNNING, "REFUSED", None),
    ("unknown", refused(UNKNOWN, final=True), EntryStatus.UNKNOWN, "REFUSED", None),
    (
        "details as plain data",
        refused(FAILURE.model_dump(mode="json"), final=True),
        EntryStatus.FAILED,
        "REFUSED",
        None,
    ),
    (
        "somebody else's details",
        refused({"x": 1}, final=True),
        EntryStatus.UNKNOWN,
        "STEP_FAILED",
        None,
    ),
    ("any exception", ValueError("oops"), EntryStatus.UNKNOWN, "STEP_FAILED", None),
    ("cancelled", asyncio.CancelledError(), EntryStatus.UNKNOWN, "INTERRUPTED", None),
]


@pytest.mark.parametrize(
    ("why", "outcome", "status", "code", "output"),
    FORWARD_CASES,
    ids=[case[0] for case in FORWARD_CASES],
)
async def test_forward(
    why: str, outcome: object, status: EntryStatus, code: str | None, output: JsonValue
) -> None:
    changes, came_out = await report(outcome, FORWARD)
    assert came_out is outcome
    start, end = changes
    assert isinstance(start, StepChange)
    assert isinstance(end, StepChange)
    assert (start.status, start.record.ended_at) == (EntryStatus.RUNNING, None)
    assert (start.record.path, start.record.seq, start.record.tag) == ("0.1", 2, "main")
    assert (start.record.scheduled_at, start.record.started_at) == (at(1), at(2))
    assert (end.status, end.output, end.record.answers) == (status, output, 3)
    assert (end.record.error.code if end.record.error else None) == code
    assert end.record.ended_at is not None


UNDO_CASES: list[tuple[str, object, EntryStatus, EntryStatus]] = [
    ("undone", DONE, EntryStatus.COMPENSATED, EntryStatus.COMPENSATED),
    (
        "failed, more to come",
        refused(UNKNOWN, final=False),
        EntryStatus.COMPENSATING,
        EntryStatus.COMPENSATION_FAILED,
    ),
    (
        "failed for good",
        refused(UNKNOWN, final=True),
        EntryStatus.COMPENSATION_FAILED,
        EntryStatus.COMPENSATION_FAILED,
    ),
]


@pytest.mark.parametrize(
    ("why", "outcome", "status", "attempt_status"), UNDO_CASES, ids=[case[0] for case in UNDO_CASES]
)
async def test_undo(
    why: str, outcome: object, status: EntryStatus, attempt_status: EntryStatus
) -> None:
    changes, _ = await report(outcome, UNDO, kind="restoreStock")
    start, end = changes
    assert isinstance(start, UndoChange)
    assert isinstance(end, UndoChange)
    assert (start.status, start.attempt_status) == (EntryStatus.COMPENSATING,) * 2
    assert (end.component, end.step_component) == ("restoreStock", "deductStock")
    assert (end.step_outcome, end.step_attempts) == (EntryStatus.COMPLETED, 2)
    assert end.step_input == {"item": "book"}
    assert (end.status, end.attempt_status) == (status, attempt_status)


PASSED: list[tuple[str, str, tuple[Any, ...]]] = [
    ("our own activities", "chainsaga.mirror", (FORWARD,)),
    ("other requests", "somebodyElses", ({"path": "0"},)),
    ("no request", "somebodyElses", ()),
]


@pytest.mark.parametrize(("why", "kind", "args"), PASSED, ids=[case[0] for case in PASSED])
async def test_passed_through(why: str, kind: str, args: tuple[Any, ...]) -> None:
    assert await report("value", *args, kind=kind) == ([], "value")


async def test_an_end_is_never_before_its_start() -> None:
    """The start is told by the server's clock, which may be ahead of ours."""
    sink = Sink()

    async def act() -> object:
        return DONE

    environment = ActivityEnvironment()
    ahead = at(10**9)
    environment.info = dataclasses.replace(
        ActivityEnvironment.default_info(), activity_type="deductStock", started_time=ahead
    )
    recorder = MirrorInterceptor(sink).intercept_activity(Last(act))
    given = ExecuteActivityInput(fn=act, args=[FORWARD], executor=None, headers={})
    await environment.run(recorder.execute_activity, given)
    end = sink.changes[-1]
    assert isinstance(end, StepChange)
    assert end.record.ended_at == ahead


async def test_a_script_is_seen_before_its_request_is_read() -> None:
    converter = pydantic_data_converter.payload_converter
    call = ScriptCall(kind="common", language="python", text="return 1", sha="x")
    asked = FORWARD.model_copy(update={"script": call})
    for sent, seen in ((asked, 2), (FORWARD, 0)):
        raw = [RawValue(converter.to_payload(sent))]
        changes, _ = await report(StepReply(output=1), raw)
        assert len(changes) == seen
        assert all(one.record.path == "0.1" for one in changes if isinstance(one, StepChange))
