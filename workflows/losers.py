"""Branches that have lost: of any, must and percentage, and those that took too long.

For the interpreter's parts. Such a branch starts no further step but what its FINALLY owes; the
step that runs is awaited before the execution closes, undoes or continues as new. It never changes
the result. (Design section 5, order of things, 4.)
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

from rules.wire import Done, SagaState
from workflows.endings import FlowEnded, StepFailed
from workflows.gate import Gate, Halted, Parked
from workflows.paths import below

Rewalk: TypeAlias = Callable[[], Coroutine[Any, Any, Done]]


class Losers:
    """The branches of one execution that have lost and are not at rest yet."""

    def __init__(self, state: SagaState, gate: Gate) -> None:
        self._state = state
        self._gate = gate
        self._resting: dict[str, asyncio.Task[None]] = {}

    def add(self, path: str, walk: Rewalk, branch: "asyncio.Task[Done] | None" = None) -> None:
        """The branch at `path` has lost; `walk` walks it anew, `branch` is its task if it runs."""
        self._gate.lose(path)
        self._resting[path] = asyncio.create_task(self._rest(path, walk, branch))

    def inside(self, block: str) -> bool:
        """Whether some branch inside a block is not at rest yet."""
        return any(below(path, block) for path in self._resting)

    async def settle(self, block: str | None = None) -> None:
        """Wait until all, or those inside a block, are at rest.

        Raises what neither component nor person can have caused.
        """
        while path := next((p for p in self._resting if block is None or below(p, block)), None):
            await self._resting[path]
            self._resting.pop(path, None)

    async def _rest(self, path: str, walk: Rewalk, branch: "asyncio.Task[Done] | None") -> None:
        """Await what runs, and what is owed by parts that had parked before the branch lost."""
        parked = branch is None
        if branch is not None:
            try:
                await branch
            except Parked:
                parked = True
            except (StepFailed, FlowEnded, Halted):
                pass
        if parked:
            with suppress(StepFailed, FlowEnded, Halted):
                await walk()
        await self.settle(path)
        forget(self._state, path)
        self._gate.settled(path)
        self._resting.pop(path, None)


def forget(state: SagaState, path: str) -> None:
    """Drop what is kept for a continued run of all that stands inside `path`."""
    for kept in (state.done, state.passes, state.deadlines, state.waiting, state.rounds):
        for inside in [key for key in kept if below(key, path)]:
            del kept[inside]
    for noted in (state.due, state.begun):
        noted[:] = [key for key in noted if not below(key, path)]
    state.waiting.pop(path, None)
    state.rounds.pop(path, None)
    state.deadlines.pop(path, None)
    if path in state.due:
        state.due.remove(path)
