"""Run a frozen chain in memory, from its start to its final status.

For `POST /api/execute/{chain}`, tests and simulation: the same saga code as in a workflow. A run
that parks is carried over as JSON and resumed, exactly as continue-as-new does it.
"""

from collections.abc import Mapping

from activities.registry import Component
from activities.runner import Runner
from api.inprocess.clock import Clock, SystemClock
from api.inprocess.runtime import InMemoryRuntime
from rules.execution import Execution
from rules.wire import ChainInput, Frost, SagaRef, SagaState
from workflows.gate import Parked
from workflows.saga import Saga


async def execute(
    tenant: str,
    execution_id: str,
    frost: Frost,
    components: Mapping[str, Component],
    runner: Runner,
    *,
    clock: Clock | None = None,
) -> Execution:
    """The closed execution. Raises nothing for what components do."""
    clock = clock or SystemClock()
    ref = SagaRef(
        tenant=tenant,
        execution_id=execution_id,
        chain=frost.plan.chain,
        rule_version=frost.plan.version,
        first_run_id="memory",
    )
    start = ChainInput(frost=frost)
    while True:
        state = start.state or SagaState(started_at=clock.now())
        runtime = InMemoryRuntime(start.frost, components, runner, clock)
        saga = Saga(ref, start.frost, state, runtime)
        try:
            await saga.run()
        except Parked:
            carried = ChainInput(frost=start.frost, state=state)
            start = ChainInput.model_validate_json(carried.model_dump_json())
            continue
        return saga.execution()
