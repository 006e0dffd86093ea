"""What is done when a run parks is not done again in the next one, wherever it stands."""

import asyncio

from activities.component import OnFailure, Refused, Step, Strategy, Undo, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.execution import EntryStatus, Execution, Status
from rules.plan import LoopNode, StepNode, ThenNode, WhenNode
from rules.wire import SagaOptions
from tests.api.inprocess.scripted import Script, frozen, run, step, then, when

PASSES = 5
PARKS = 24
"""Events of four steps: the fifth pass finds the gate parked."""


def test_passes_ahead_of_one_that_is_decided_while_parking() -> None:
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
        execution = InMemoryExecution(
            "acme",
            "order-1",
            frozen(ThenNode(items=(loop,)), registry, options),
            registry,
            Runner(Provider()),
            clock=VirtualClock(),
        )
        saga = asyncio.create_task(execution.run())
        await asyncio.sleep(5.0)
        assert execution.runs == 1
        execution.receive("skip", {"step": "0.0#0"})
        return await saga, execution.runs

    execution, runs = run_virtual(main())
    assert runs > 1
    assert execution.status is Status.COMPLETED
    assert sorted(began) == [f"0.0#{index}" for index in range(PASSES)]
    skipped = [entry.path for entry in execution.stack if entry.status is EntryStatus.SKIPPED]
    assert skipped == ["0.0#0"]


def test_steps_of_a_finally_whose_block_loses_while_parking() -> None:
    """The last branch parks, then the block takes too long; the first branch ends after that.

    What the last one owes is walked once more, past what the first has done.
    """
    last = when(*(step("once") for _ in range(4)))
    block = ThenNode(items=(step("once"),), last=(last,))
    root = then(WhenNode(items=(block,), max_wait=3000, wraps=True))
    ran = run(root, Script(seconds={"0.0.0.1.0": 5.0}), max_events=PARKS)
    assert ran.execution.error is not None
    assert ran.execution.error.code == "BRANCH_TIMEOUT"
    assert sorted(ran.paths("start")) == ["0.0.0.0", *(f"0.0.0.1.{i}" for i in range(4))]
