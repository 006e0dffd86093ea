"""Runs a chain of a case in memory, through the real saga, on virtual time.

For the answers. One attempt for each compensation, and nobody to ask; a failed undo does not keep
the others from being done. (EL reference section 13, corner 1.)
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from api.inprocess.routes import ask_routes
from api.simulation.book import TENANT, RuleBook, Served
from api.simulation.world import Run
from rules.execution import Execution
from rules.plan import Plan
from rules.wire import Frost, SagaOptions

OPTIONS: Final = SagaOptions(unattended=True, undo_policy="continue")


@dataclass(frozen=True, slots=True)
class Given:
    """What a run is given: the request, and the shared context that it begins with."""

    request: JsonValue
    context: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended. `endless`: it was stopped, as it would not end by itself."""

    execution: Execution
    run: Run
    timed_out: tuple[str, ...]
    endless: bool = False


def run_chain(served: Served, given: Given, book: RuleBook) -> Ran:
    """Run one chain to its end; its steps may run others of the book."""
    book.world.run = Run()
    return run_virtual(_run(served, given, book))


def run_routes(
    routes: Mapping[str, Plan], bodies: Mapping[str, Served], given: Given, book: RuleBook
) -> dict[str, Ran]:
    """Ask the routes, all at once, then run the chains whose routes match, all at once.

    All of them write to one world, each has a context of its own.
    """
    book.world.run = Run()

    async def run() -> dict[str, Ran]:
        answers = await ask_routes(
            TENANT,
            "routes",
            tuple(routes.values()),
            given.request,
            components=book.components,
            runner=Runner(Provider()),
            clock=VirtualClock(),
        )
        matching = [answer.chain for answer in answers if answer.matches]
        ran = await asyncio.gather(*(_run(bodies[id], given, book) for id in matching))
        return dict(zip(matching, ran, strict=True))

    return run_virtual(run())


async def _run(served: Served, given: Given, book: RuleBook) -> Ran:
    plan, run = served.compiled.plan, book.world.run

    async def find(chain: str, request: JsonValue, options: SagaOptions) -> Frost:
        found = book.serving(chain).compiled.plan
        return Frost(plan=found, request=request, request_sha="", options=options)

    execution = InMemoryExecution(
        TENANT,
        plan.chain,
        Frost(plan=plan, request=given.request, request_sha="", options=OPTIONS),
        served.components,
        Runner(Provider()),
        clock=VirtualClock(),
        chains=find,
        context=given.context,
    )
    run.running.append(execution)
    ended = await execution.run()
    return Ran(ended, run, execution.timed_out, run.endless)
