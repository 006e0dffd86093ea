"""Branches that have lost: of any, must and percentage, and those that took too long.

For the interpreter's parts. Such a branch starts no further step but what its FINALLY owes; the
step that runs is awaited before the execution closes, undoes or continues as new. It never changes
the result. (Design section 5, order of things, 4.)
"""

import asyncio

from rules.wire import Done, SagaState
from workflows.endings import FlowEnded, StepFailed
from workflows.gate import Gate, Halted
from workflows.paths import below


class Losers:
    """The branches of one execution that have lost and are not at rest yet."""

    def __init__(self, state: SagaState, gate: Gate) -> None:
        self._state = state
        self._gate = gate
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, path: str, branch: "asyncio.Task[Done]") -> None:
        """The branch at `path`, which runs as `branch`, has lost."""
        self._gate.lose(path)
        self._tasks.append(asyncio.create_task(self._rest(path, branch)))

    async def settle(self) -> None:
        """Wait until all are at rest. Raises what neither component nor person can have caused."""
        while self._tasks:
            await self._tasks.pop()

    async def _rest(self, path: str, branch: "asyncio.Task[Done]") -> None:
        try:
            await branch
        except (StepFailed, FlowEnded, Halted):
            pass
        finally:
            forget(self._state, path)
            self._gate.settled(path)


def forget(state: SagaState, path: str) -> None:
    """Drop what is kept for a continued run of all that stands inside `path`."""
    for kept in (state.done, state.passes, state.deadlines, state.waiting, state.rounds):
        for inside in [key for key in kept if below(key, path)]:
            del kept[inside]
    for noted in (state.due, state.begun):
        noted[:] = [key for key in noted if not below(key, path)]
    state.waiting.pop(path, None)
    state.rounds.pop(path, None)
    if path in state.due:
        state.due.remove(path)
