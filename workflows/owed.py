"""THEN with FINALLY: once the block has begun, what FINALLY holds is owed, whatever happens.

For the interpreter. It runs after success, failure, end, cancel, time-out and defeat, before any
undo, shielded, each block for a limited time. (Design section 5, order of things, 3.)
"""

import asyncio
from contextlib import suppress
from datetime import timedelta

from rules.execution import ErrorInfo
from rules.plan import PlanNode, ThenNode
from rules.wire import Done, Failure, SagaOptions, SagaState
from workflows.endings import FlowEnded, StepFailed
from workflows.gate import Gate, Lost, Stopped
from workflows.losers import Losers
from workflows.runtime import Runtime
from workflows.scope import Scope, Walk


class Owed:
    """Runs the blocks of one execution that hold a FINALLY."""

    def __init__(
        self,
        options: SagaOptions,
        state: SagaState,
        runtime: Runtime,
        *,
        gate: Gate,
        losers: Losers,
        walk: Walk,
    ) -> None:
        self._options = options
        self._state = state
        self._runtime = runtime
        self._gate = gate
        self._losers = losers
        self._walk = walk

    async def run(self, node: ThenNode, path: str, scope: Scope) -> Done:
        """The items one after the other, then every FINALLY; what failed last is raised.

        A failure in FINALLY replaces the error, never a stop or the defeat of the branch.
        """
        if path not in self._state.begun:
            self._gate.check(path, scope.shield)
            self._state.begun.append(path)
        try:
            for index, item in enumerate(node.items):
                await self._walk(item, f"{path}.{index}", scope)
        except (Stopped, Lost) as halted:
            await self._after_halt(node, path, scope, halted)
            raise
        except StepFailed as failed:
            with suppress(FlowEnded):
                await self._last(node, path, scope, failed.failure.error)
            raise
        except FlowEnded:
            await self._last(node, path, scope, None)
            raise
        await self._last(node, path, scope, None)
        return Done()

    async def _after_halt(
        self, node: ThenNode, path: str, scope: Scope, halted: Stopped | Lost
    ) -> None:
        stopped = isinstance(halted, Stopped)
        failure = self._state.failure if stopped else None
        try:
            with suppress(FlowEnded):
                await self._last(node, path, scope, failure.error if failure else None)
        except StepFailed as failed:
            if stopped:
                self._state.failure = failed.failure
        # Whoever walks here once more finds nothing owed.
        self._state.begun.remove(path)

    async def _last(self, node: ThenNode, path: str, scope: Scope, error: ErrorInfo | None) -> None:
        for index, block in enumerate(node.last or (), start=len(node.items)):
            at = f"{path}.{index}"
            await self._limited(block, at, scope.shielded(at, error))

    async def _limited(self, block: PlanNode, path: str, scope: Scope) -> None:
        """Run one FINALLY for a limited time. Raises StepFailed, FlowEnded or Parked."""
        if path in self._state.done:
            await self._walk(block, path, scope)
            return
        limit = self._options.finally_max
        latest = self._runtime.now() + timedelta(seconds=limit)
        until = self._state.deadlines.setdefault(path, latest)
        task = None
        if until > self._runtime.now():
            task = asyncio.create_task(self._walk(block, path, scope))
            if await self._runtime.until(task, until, "limit of FINALLY"):
                await task
                return
        failure = _too_long(path, limit)
        self._state.done[path] = Done(failure=failure)
        self._losers.add(path, lambda: self._walk(block, path, scope), task)
        raise StepFailed(failure)


def _too_long(path: str, seconds: float) -> Failure:
    return Failure(
        path=path,
        component="FINALLY",
        error=ErrorInfo(
            type="FinallyTimeout",
            code="FINALLY_TIMEOUT",
            message=f"FINALLY did not end within {seconds:g} s",
        ),
    )
