"""Run a frozen chain in memory, from its start to its final status.

For `POST /api/execute/{chain}`, tests and simulation: the same saga code as in a workflow. A run
that parks is carried over as JSON and resumed, exactly as continue-as-new does it.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import JsonValue

from activities.registry import Component
from api.inprocess.clock import Clock, SystemClock
from api.inprocess.runtime import Attempts, InMemoryRuntime
from api.inprocess.sub_runs import FindChain, Run, SubRuns
from rules.decisions import DecisionRecord
from rules.execution import Execution
from rules.wire import ChainInput, Frost, SagaRef, SagaResult, SagaState
from workflows.gate import Parked
from workflows.outcome import result_of
from workflows.saga import Saga
from workflows.undoing import reopened


class InMemoryExecution:
    """One execution in this process, which can be asked, decided and cancelled while it runs."""

    def __init__(
        self,
        tenant: str,
        execution_id: str,
        frost: Frost,
        components: Mapping[str, Component],
        runner: Attempts,
        *,
        clock: Clock | None = None,
        chains: FindChain | None = None,
        context: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """`chains` finds those that steps run, `context` is what it begins with."""
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

        def open_run(id: str, frost: Frost, context: dict[str, JsonValue]) -> InMemoryExecution:
            return InMemoryExecution(
                tenant, id, frost, components, runner, clock=clock, chains=chains, context=context
            )

        self._sub_runs = SubRuns(chains, open_run)
        state = SagaState(started_at=self._clock.now(), context=dict(context or {}))
        self._saga = self._open(ChainInput(frost=frost, state=state))
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
            await self._sub_runs.settle()
            return self._saga.execution()

    @property
    def decided(self) -> bool:
        """Whether the chain has its result; what still runs then has lost, or undoes."""
        return self._saga.walked

    @property
    def timed_out(self) -> tuple[str, ...]:
        """The branches that took too long, in the order of their limits."""
        return tuple(self._saga.state.timed_out)

    async def undo(self) -> Execution:
        """Undo an execution that completed, and whatever its steps have run."""
        state = reopened(self._saga.state)
        self._saga = self._open(ChainInput(frost=self._saga.frost, state=state))
        return await self.run()

    def receive(self, kind: str, payload: JsonValue = None) -> None:
        """Take in a decision, as a signal brings it to a workflow."""
        self._saga.receive(kind, payload)

    def cancel(self) -> None:
        """Stop going forward, and undo."""
        self._saga.cancel()

    def execution(self) -> Execution:
        """The execution as it stands."""
        return self._saga.execution()

    def result(self) -> SagaResult:
        """How the execution stands, as one who waits for its end is told."""
        return result_of(self._ref, self._saga.frost, self._saga.state)

    @property
    def sub_runs(self) -> Sequence[Run]:
        """What its steps have run, in the order of starting."""
        return self._sub_runs.runs

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
        runtime = InMemoryRuntime(
            start.frost, self._components, self._runner, self._clock, sub_runs=self._sub_runs
        )
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
    runner: Attempts,
    *,
    clock: Clock | None = None,
    chains: FindChain | None = None,
) -> Execution:
    """The closed execution. Raises nothing for what components do."""
    run = InMemoryExecution(
        tenant, execution_id, frost, components, runner, clock=clock, chains=chains
    )
    return await run.run()
