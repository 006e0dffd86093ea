"""A random saga on the in-memory runtime, on virtual time."""

import asyncio
from typing import Final

from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.runtime import InMemoryRuntime
from rules.execution import Execution
from rules.wire import SagaRef, SagaState
from tests.property.sagas.cases import REGISTRY, Act, RandomSaga
from tests.property.sagas.duty import Duty, signal_of
from tests.property.sagas.ledger import LEDGERS, Ledger
from tests.property.sagas.promises import Ended
from workflows.gate import Parked
from workflows.saga import Saga

ID: Final = "random"
RUNNER: Final = Runner(Provider())
LOOK: Final = 2.0
LIMIT: Final = 100_000.0
"""Units: much more than all deadlines and pauses of one saga come to."""


class NoEnd(Exception):
    """A saga has not ended."""


class _InMemory:
    """One saga under way, through all its runs."""

    def __init__(self, case: RandomSaga) -> None:
        self._case = case
        self._frost = case.frost
        self._clock = VirtualClock()
        self._ref = SagaRef(
            tenant="acme", execution_id=ID, chain="main", rule_version=1, first_run_id="memory"
        )
        self._saga = self._open(SagaState(started_at=self._clock.now()))

    def _open(self, state: SagaState) -> Saga:
        runtime = InMemoryRuntime(self._frost, REGISTRY, RUNNER, self._clock)
        return Saga(self._ref, self._frost, state, runtime)

    async def run(self) -> Execution:
        running = asyncio.create_task(self._to_the_end())
        duty = asyncio.create_task(self._watch())
        loop = asyncio.get_running_loop()
        for act in self._case.acts:
            loop.call_later(act.at, self._act, act)
        await asyncio.wait({running}, timeout=LIMIT * self._case.pace.unit)
        duty.cancel()
        if not running.done():
            waiting = [wait.path for wait in self._saga.state.waiting.values()]
            raise NoEnd(f"{self._saga.state.status}, waiting at {waiting}")
        running.result()
        return self._saga.execution()

    async def _to_the_end(self) -> None:
        while True:
            try:
                await self._saga.run()
            except Parked:
                text = self._saga.state.model_dump_json()
                self._saga = self._open(SagaState.model_validate_json(text))
            else:
                return

    async def _watch(self) -> None:
        duty = Duty(self._case)
        while True:
            await asyncio.sleep(LOOK * self._case.pace.unit)
            for signal in duty.look(self._saga.state.waiting.values(), self._clock.now()):
                self._saga.receive(signal.kind, signal.payload)

    def _act(self, act: Act) -> None:
        if act.kind == "cancel":
            self._saga.cancel()
        else:
            self._saga.receive(*signal_of(act))


def in_memory(case: RandomSaga) -> Ended:
    """Run a saga to its end. Raises NoEnd."""
    ledger = LEDGERS[ID] = Ledger(case.script)

    async def main() -> Execution:
        return await _InMemory(case).run()

    return Ended(case, run_virtual(main()), ledger)
