"""Run a frozen chain in memory, from its start to its final status.

For `POST /api/execute/{chain}`, tests and simulation: the same saga code as in a workflow. A run
that parks is carried over as JSON and resumed, exactly as continue-as-new does it.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import JsonValue

from activities.registry import Component
from activities.runner import Runner
from api.inprocess.clock import Clock, SystemClock
from api.inprocess.runtime import InMemoryRuntime
from rules.decisions import DecisionRecord
from rules.execution import Execution
from rules.wire import ChainInput, Frost, SagaRef, SagaState
from workflows.gate import Parked
from workflows.saga import Saga


class InMemoryExecution:
    """One execution in this process, which can be asked, decided and cancelled while it runs."""

    def __init__(
        self,
        tenant: str,
        execution_id: str,
        frost: Frost,
        components: Mapping[str, Component],
        runner: Runner,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._ref = SagaRef(
            tenant=tenant,
            execution_id=execution_id,
            chain=frost.plan.chain,
            rule_version=frost.plan.version,
            first_run_id="memory",
        )
        self._components = components
        self._runner = runner
        self._clock = clock or SystemClock()
        self._saga = self._open(ChainInput(frost=frost))
        self.runs = 1

    async def run(self) -> Execution:
        """Run to the end; raises nothing for what components or people do."""
        while True:
            try:
                await self._saga.run()
            except Parked:
                self._saga = self._open(_carried_over(self._saga))
                self.runs += 1
                continue
            return self._saga.execution()

    def receive(self, kind: str, payload: JsonValue = None) -> None:
        """Take in a decision, as a signal brings it to a workflow."""
        self._saga.receive(kind, payload)

    def cancel(self) -> None:
        """Stop going forward, and undo."""
        self._saga.cancel()

    def execution(self) -> Execution:
        """The execution as it stands."""
        return self._saga.execution()

    def decisions(self) -> list[DecisionRecord]:
        """Every decision with its verdict."""
        return self._saga.decisions()

    @property
    def answer(self) -> JsonValue:
        """What the outermost block answered: a condition does; None if it failed or is not done."""
        done = self._saga.state.done.get("0")
        return None if done is None or done.failure or done.ended else done.value

    def _open(self, start: ChainInput) -> Saga:
        state = start.state or SagaState(started_at=self._clock.now())
        runtime = InMemoryRuntime(start.frost, self._components, self._runner, self._clock)
        return Saga(self._ref, start.frost, state, runtime)


def _carried_over(saga: Saga) -> ChainInput:
    """What the next run begins with: through JSON, so that nothing else is carried."""
    text = ChainInput(frost=saga.frost, state=saga.state).model_dump_json()
    with _no_garbage():
        return ChainInput.model_validate_json(text)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Nothing that is read can be garbage yet; looking for it takes longer than the reading."""
    wanted = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()


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
    run = InMemoryExecution(tenant, execution_id, frost, components, runner, clock=clock)
    return await run.run()
