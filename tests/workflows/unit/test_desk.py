"""The desk: what becomes of each decision by itself, and what is remembered of it."""

import json
from typing import Any

import pytest

from activities.runner import Provider, Runner
from api.inprocess.clock import SystemClock
from api.inprocess.runtime import InMemoryRuntime
from rules.decisions import DecisionKind, DecisionRecord, Verdict
from rules.execution import Cause, Status
from rules.wire import SagaState
from tests.workflows.unit.states import frost, state
from workflows.desk import REJECTED_LIMIT, Desk
from workflows.gate import Gate
from workflows.sizes import Sizes

STOPPING: dict[str, Any] = {"cause": Cause.TIMEOUT}
UNDOING: dict[str, Any] = {"status": Status.COMPENSATING, "cause": Cause.FAILURE}
COMPLETED: dict[str, Any] = {"status": Status.COMPLETED}


def desk_of(state: SagaState) -> Desk:
    runtime = InMemoryRuntime(frost(), {}, Runner(Provider()), SystemClock())

    def stop(_decision: object) -> None:
        state.cause = Cause.OPERATOR

    def cancel() -> None:
        state.cause = state.cause or Cause.CANCEL

    sizes = Sizes(frost(), state)
    return Desk(frost(), state, runtime, Gate(runtime), compensate=stop, cancel=cancel, sizes=sizes)


def judged(state: SagaState, *signals: tuple[str, Any]) -> list[DecisionRecord]:
    desk = desk_of(state)
    for kind, payload in signals:
        desk.receive(kind, payload)
    desk.judge_all()
    return state.decisions


@pytest.mark.parametrize(
    "repeated",
    [
        {"decision_id": "x", "setp": "typo"},
        {"decision_id": "x", "operator": 7},
        {"decision_id": "x"},
    ],
    ids=["unknown field", "wrong type", "nothing waits"],
)
def test_one_id_is_judged_once(repeated: dict[str, Any]) -> None:
    records = judged(state(), *[("retry", repeated)] * 3, ("retry", {"decision_id": "y"}))
    assert [record.decision_id for record in records] == ["x", "y"]


def test_the_first_of_one_id_holds_though_the_second_be_sound() -> None:
    first, second = {"decision_id": "x", "operator": 7}, {"decision_id": "x", "operator": "ann"}
    (record,) = judged(state(), ("compensate", first), ("compensate", second))
    assert (record.verdict, record.operator) == (Verdict.REJECTED, "temporal")


@pytest.mark.parametrize("more", [0, 1, 7])
def test_old_rejected_decisions_are_counted_and_not_kept(more: int) -> None:
    told = state()
    judged(told, ("compensate", {"decision_id": "accepted"}))
    many = REJECTED_LIMIT + more
    judged(told, *(("retry", {"decision_id": f"r{n}"}) for n in range(many)))
    # As in a continued run: what was forgotten is still counted.
    continued = SagaState.model_validate_json(told.model_dump_json())
    judged(continued, ("skip", {"decision_id": "last"}))
    head, *records = continued.decisions
    assert (head.kind, head.verdict) == ("forgotten", Verdict.REJECTED)
    assert (head.why or "").startswith(f"{more + 1} older decisions")
    kept = [f"r{n}" for n in range(more + 1, many)]
    assert [record.decision_id for record in records] == ["accepted", *kept, "last"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (STOPPING, "already stopping: timeout"),
        (UNDOING, "already undoing"),
        (COMPLETED, "the saga has ended: COMPLETED"),
    ],
    ids=["stopping", "undoing", "ended"],
)
def test_a_cancel_that_changes_nothing_is_recorded_once(fields: dict[str, Any], why: str) -> None:
    told = state(**fields)
    desk = desk_of(told)
    desk.note_cancel(json.dumps({"decision_id": "first"}), desk.why_not_cancel())
    desk.note_cancel(json.dumps({"decision_id": "first"}), desk.why_not_cancel())
    # A further one, as the API hands it on.
    by_signal = {"decision_id": "second", "operator": "bob", "action": "cancel"}
    judged(told, *[(DecisionKind.MANUAL_DECISION.value, by_signal)] * 2)
    assert [(r.kind, r.decision_id, r.why) for r in told.decisions] == [
        ("cancel", "first", why),
        ("cancel", "second", why),
    ]
    assert {record.verdict for record in told.decisions} == {Verdict.REJECTED}


def test_a_cancel_that_stops_the_saga_is_recorded_though_its_id_is_taken() -> None:
    told = state()
    judged(told, ("retry", {"decision_id": "x"}))
    desk_of(told).note_cancel(json.dumps({"decision_id": "x", "operator": "ann"}), None)
    record = told.decisions[-1]
    assert (record.kind, record.operator, record.verdict) == ("cancel", "ann", Verdict.ACCEPTED)
    assert record.decision_id != "x"


def test_a_cancel_by_signal_and_the_same_by_temporal_are_one() -> None:
    told = state()
    body = {"decision_id": "x", "operator": "ann", "reason": "why not"}
    desk = desk_of(told)
    desk.receive("manual_decision", {**body, "action": "cancel"})
    desk.judge_all()
    desk.note_cancel(json.dumps(body), desk.why_not_cancel())
    (record,) = told.decisions
    assert (record.kind, record.operator, record.verdict) == ("cancel", "ann", Verdict.ACCEPTED)
    assert told.cause is Cause.CANCEL
