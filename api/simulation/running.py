"""Runs a chain of a case in memory, through the real saga, on virtual time.

For the answers. One attempt for each compensation, and nobody to ask; a failed undo does not keep
the others from being done. (EL reference section 13, corner 1.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from api.simulation.book import Served
from api.simulation.world import Run, World
from rules.execution import Execution
from rules.wire import Frost, SagaOptions

TENANT: Final = "1"
OPTIONS: Final = SagaOptions(unattended=True, undo_policy="continue")


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that has ended. `endless`: it was stopped, as it would not end by itself."""

    execution: Execution
    run: Run
    timed_out: tuple[str, ...]
    endless: bool = False


def run_chain(
    served: Served, request: JsonValue, context: Mapping[str, JsonValue], world: World
) -> Ran:
    """Run one chain to its end."""
    return run_virtual(_run(served, request, context, world))


async def _run(
    served: Served, request: JsonValue, context: Mapping[str, JsonValue], world: World
) -> Ran:
    plan = served.compiled.plan
    execution = InMemoryExecution(
        TENANT,
        plan.chain,
        Frost(plan=plan, request=request, request_sha="", options=OPTIONS),
        served.components,
        Runner(Provider()),
        clock=VirtualClock(),
        context=context,
    )
    endless = False

    def stop() -> None:
        nonlocal endless
        endless = True
        execution.cancel()

    run = world.run = Run(decided=lambda: execution.decided, stop=stop)
    ended = await execution.run()
    return Ran(ended, run, execution.timed_out, endless)
