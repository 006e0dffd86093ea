"""What a component's author can declare, on Temporal: the same calls and endings as in memory."""

import asyncio
from uuid import uuid4

from rules.execution import Execution
from rules.wire import EXECUTION_QUERY
from tests.workflows.authored_sagas import CASES, Case
from tests.workflows.lab import Lab, ending
from tests.workflows.staged import check, frost

LIMIT = 60.0
CHOSEN = [case for case in CASES if case.on_temporal]


async def test_authored_on_temporal(lab: Lab) -> None:
    async def run(case: Case) -> Execution:
        started = await lab.start(
            frost(case, lab.registry.policies), f"{case.id}-{uuid4().hex[:8]}"
        )
        await ending(started)
        execution: Execution = await started.query(EXECUTION_QUERY, result_type=Execution)
        return execution

    async with asyncio.timeout(LIMIT):
        ended = await asyncio.gather(*(run(case) for case in CHOSEN))
    for case, execution in zip(CHOSEN, ended, strict=True):
        check(case, execution)
