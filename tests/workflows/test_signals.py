"""Signals that nobody should send: none may hold a saga up."""

import asyncio

from rules.decisions import DecisionRecord, Verdict
from rules.execution import Status
from rules.wire import DECISIONS_QUERY, STATUS_QUERY
from tests.workflows.dramas import DRAMAS
from tests.workflows.lab import Lab, ending
from tests.workflows.stages import OnTemporal, open_stage

LIMIT = 20.0


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
