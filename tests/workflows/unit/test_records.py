"""A flood of decisions, and decisions of odd size, in memory: what is kept of them is bounded."""

import asyncio
from typing import cast

from pydantic import JsonValue

from activities.registry import discover
from activities.runner import Provider, Runner
from api.inprocess.execute import InMemoryExecution
from rules.decisions import Verdict
from rules.execution import Status
from rules.measuring import json_size
from rules.plan import FailurePolicy, FailureStrategy
from tests.workflows.crossings import Crossing, frozen
from workflows.desk import PAYLOAD_LIMIT, RECORDS_LIMIT

MANUAL = FailurePolicy(strategy=FailureStrategy.MANUAL)
WAITS = Crossing(
    "waits", 'THEN(heavy.tag("refuse"))', Status.COMPLETED, {}, policies={"heavy": MANUAL}
)


async def test_the_latest_records_are_kept() -> None:
    registry = discover(["tests.workflows.heavy"])
    frost = frozen(registry.policies, WAITS, None)
    run = InMemoryExecution("1", "flooded", frost, registry, Runner(Provider()))
    running = asyncio.create_task(run.run())
    async with asyncio.timeout(20):
        while run.execution().status is not Status.WAITING_DECISION:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        huge: JsonValue = {"decision_id": "huge", "operator": "ann", "output": "x" * PAYLOAD_LIMIT}
        for number in range(300):
            reason = "票" * 1000
            run.receive("retry", {"decision_id": str(number), "step": "no", "reason": reason})
        run.receive("skip", huge)
        run.receive("skip", cast(JsonValue, b"\xff"))
        run.receive("skip", {"decision_id": "last"})
        execution = await running
    assert execution.status is Status.COMPLETED
    *rejected, refused, unreadable, last = run.decisions()
    assert sum(json_size(record) for record in run.decisions()) <= RECORDS_LIMIT
    assert rejected[-1].decision_id == "299"
    assert (refused.decision_id, refused.operator) == ("huge", "ann")
    assert "are allowed" in (refused.why or "")
    assert unreadable.why == "it is no JSON"
    assert last.verdict is Verdict.ACCEPTED
