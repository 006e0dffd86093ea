"""Signals that nobody should send, and those that come at once: none may hold a saga up."""

import asyncio

import pytest

from rules.decisions import DecisionRecord, Verdict
from rules.execution import Status
from rules.wire import DECISIONS_QUERY, STATUS_QUERY
from tests.workflows.dramas import DRAMAS
from tests.workflows.lab import Lab, ending
from tests.workflows.stages import RUNTIMES, OnTemporal, Stage, act_late, open_stage

LIMIT = 60.0


async def test_odd_signals_are_judged_and_the_saga_goes_on(lab: Lab) -> None:
    drama = next(drama for drama in DRAMAS if drama.id == "manual-skip")
    stage = await open_stage(lab, drama, "temporal")
    assert isinstance(stage, OnTemporal)
    handle = stage.handle

    async def waits() -> bool:
        return await handle.query(STATUS_QUERY, result_type=Status) is Status.WAITING_DECISION

    async with asyncio.timeout(LIMIT):
        while not await waits():  # noqa: ASYNC110 - a condition behind a server
            await asyncio.sleep(0.02)
        # Of a wrong kind, with too many arguments, too long.
        await handle.signal("retry", 7)
        await handle.signal("skip", args=[{"step": "nope"}, {"decision_id": "three"}])
        await handle.signal("skip", {"decision_id": "x" * 500})
        await handle.signal("skip", {"step": "y" * 100_000})
        await handle.signal("skip", {"decision_id": "at last"})
        result = await ending(handle)
    assert result.status is Status.COMPLETED
    records: list[DecisionRecord] = await handle.query(
        DECISIONS_QUERY, result_type=list[DecisionRecord]
    )
    verdicts = [record.verdict for record in records]
    assert verdicts == [*[Verdict.REJECTED] * 4, Verdict.ACCEPTED]
    assert all(len(record.why or "") < 1000 for record in records)


async def waits(stage: Stage) -> None:
    while (await stage.execution()).status is not Status.WAITING_DECISION:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("losers", "why"),
    [
        (("retry", "manual_decision", "skip"), "already decided by ann at"),
        (("compensate", "compensate"), None),
    ],
    ids=["answers", "stops"],
)
async def test_of_several_at_once_the_first_wins(
    lab: Lab, runtime: str, losers: tuple[str, ...], why: str | None
) -> None:
    """None of them waits for another one's verdict."""
    drama = next(drama for drama in DRAMAS if drama.id == "manual-skip")
    stage = await open_stage(lab, drama, runtime)
    first = "skip" if why else "compensate"
    async with asyncio.timeout(LIMIT):
        await waits(stage)
        await stage.act(first, {"operator": "ann", "decision_id": f"{first} of ann"})
        for kind in losers:
            payload = {"operator": "bob", "decision_id": f"{kind} of bob"}
            more = {"action": "skip"} if kind == "manual_decision" else {}
            await act_late(stage, kind, {**payload, **more})
        execution = await stage.end()
    winner, *others = execution.decisions
    assert (winner.operator, winner.verdict) == ("ann", Verdict.ACCEPTED)
    assert {record.verdict for record in others} <= {Verdict.REJECTED}
    assert execution.status is (Status.COMPLETED if why else Status.COMPENSATED)
    for record in others:
        told = record.why or ""
        allowed = (why or "already", "already undoing", "the saga has ended")
        assert told.startswith(allowed), told
