"""Ask the routes of chains in memory, all at once, which of them match.

For `POST /api/execute/route`, its durable twin and simulation. Every route runs as a small chain of
its own, on the same interpreter, with a context of its own (EL reference section 8). Knows neither
where chains are kept nor what becomes of those that match.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from activities.registry import Component
from activities.runner import Runner
from api.inprocess.clock import Clock
from api.inprocess.execute import InMemoryExecution
from rules.execution import Execution
from rules.plan import Plan
from rules.wire import Frost, SagaOptions


@dataclass(frozen=True, slots=True)
class Answer:
    """What the route of a chain answered; a failure, an end and no answer are no match.

    `execution` is the run of the route, with its steps and its error.
    """

    chain: str
    matches: bool
    execution: Execution


async def ask_routes(
    tenant: str,
    execution_id: str,
    routes: Sequence[Plan],
    request: JsonValue,
    *,
    components: Mapping[str, Component],
    runner: Runner,
    clock: Clock | None = None,
) -> tuple[Answer, ...]:
    """What each of the routes (`rules.compiler.compile_route`) answers, in their order.

    Raises nothing for what components do.
    """

    async def ask(route: Plan) -> Answer:
        options = SagaOptions(saga=False, unattended=True)
        frost = Frost(plan=route, request=request, request_sha="", options=options)
        run = InMemoryExecution(
            tenant, f"{execution_id}.{route.chain}.route", frost, components, runner, clock=clock
        )
        execution = await run.run()
        return Answer(route.chain, run.answer is True, execution)

    return tuple(await asyncio.gather(*(ask(route) for route in routes)))
