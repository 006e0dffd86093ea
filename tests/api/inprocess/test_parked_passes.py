"""A parallel loop that parks while some of its passes are done and another one waits."""

import asyncio

from activities.component import OnFailure, Refused, Step, Strategy, Undo, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.execution import EntryStatus, Execution, Status
from rules.plan import LoopNode, StepNode, ThenNode
from rules.wire import SagaOptions
from tests.api.inprocess.scripted import frozen

PASSES = 5
PARKS = 24
"""Events of four steps: the fifth pass finds the gate parked."""


def test_what_is_done_ahead_of_a_decided_pass_does_not_run_again() -> None:
    """The decision comes while the run parks, so the first pass is done as soon as the next begins.

    Passes that were done already must not begin once more.
    """
    began: list[str] = []

    @component("asks", compensate="unasks", on_failure=OnFailure(strategy=Strategy.MANUAL))
    async def asks(step: Step) -> None:
        began.append(step.path)
        # The last of the first four runs while somebody decides about the first.
        await asyncio.sleep({0: 1.0, 3: 9.0}.get(step.index or 0, 2.0))
        if step.index == 0:
            raise Refused("somebody decides")

    @component("unasks")
    async def unasks(undo: Undo[None]) -> None: ...

    registry = Registry([asks, unasks])
    loop = LoopNode(op="for", head=PASSES, body=StepNode(component="asks"), parallel=True)
    options = SagaOptions(max_events=PARKS, max_parallel=PASSES - 1)

    async def main() -> tuple[Execution, int]:
        run = InMemoryExecution(
            "acme",
            "order-1",
            frozen(ThenNode(items=(loop,)), registry, options),
            registry,
            Runner(Provider()),
            clock=VirtualClock(),
        )
        saga = asyncio.create_task(run.run())
        await asyncio.sleep(5.0)
        assert run.runs == 1
        run.receive("skip", {"step": "0.0#0"})
        return await saga, run.runs

    execution, runs = run_virtual(main())
    assert runs > 1
    assert execution.status is Status.COMPLETED
    assert sorted(began) == [f"0.0#{index}" for index in range(PASSES)]
    skipped = [entry.path for entry in execution.stack if entry.status is EntryStatus.SKIPPED]
    assert skipped == ["0.0#0"]
