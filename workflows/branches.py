"""WHEN: its branches side by side, in a window, until enough of them are done.

For the interpreter. All must be done unless the WHEN says otherwise (any, must, percentage); those
left then have lost, as have those that took too long. (EL reference sections 4, 7 and 13.)
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from math import ceil
from typing import Any

from rules.execution import ErrorInfo
from rules.plan import WhenNode
from rules.wire import Done, Failure, Frost, SagaState
from workflows.endings import FlowEnded, StepFailed
from workflows.gate import Gate, Halted, Parked
from workflows.losers import Losers
from workflows.runtime import Runtime
from workflows.scope import Scope, Walk


class Branches:
    """Runs the WHENs of one execution."""

    def __init__(
        self,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        *,
        gate: Gate,
        losers: Losers,
        walk: Walk,
    ) -> None:
        self.frost = frost
        self.state = state
        self.runtime = runtime
        self.gate = gate
        self.losers = losers
        self.walk = walk

    async def run(self, node: WhenNode, path: str, scope: Scope) -> Done:
        """Run the branches until enough are done; then the first failure, as written, goes up."""
        try:
            return await _When(self, node, path, scope).run()
        finally:
            self.gate.reinstate(path)


class _When:
    """One WHEN under way. `results` has the branches that are done, by index."""

    def __init__(self, common: Branches, node: WhenNode, path: str, scope: Scope) -> None:
        self._common = common
        self._gate = common.gate
        self._state = common.state
        self._node = node
        self._path = path
        self._scope = scope
        self._window = asyncio.Semaphore(common.frost.options.max_parallel)
        self._results: dict[int, Done] = {}
        self._halts: dict[int, Halted] = {}
        self._reached: asyncio.Future[None] = asyncio.Future()
        self._closed = False

    async def run(self) -> Done:
        indexes = range(len(self._node.items))
        for index in indexes:
            done = self._state.done.get(self._at(index))
            if done is not None:
                self._count(index, done)
        tasks: dict[int, asyncio.Task[Done]] = {}
        # In a continued run enough may be done already: the others have lost where they stand.
        if not self._enough():
            tasks = {index: self._start(index) for index in indexes if index not in self._results}
            await self._reached
        if not self._enough():
            raise self._first_halt()
        self._closed = True
        for index in indexes:
            if index not in self._results:
                self._lose(index, tasks.get(index))
        return self._evaluate()

    def _at(self, index: int) -> str:
        return f"{self._path}.{index}"

    def _walk(self, index: int) -> Coroutine[Any, Any, Done]:
        return self._common.walk(self._node.items[index], self._at(index), self._scope)

    def _start(self, index: int) -> "asyncio.Task[Done]":
        task = asyncio.create_task(self._branch(index))
        task.add_done_callback(self._hand_on)
        return task

    def _lose(self, index: int, task: "asyncio.Task[Done] | None") -> None:
        # One that has parked, in this run or an earlier one, may owe a FINALLY.
        running = None if task is None or task.done() else task
        self._common.losers.add(self._at(index), lambda: self._walk(index), running)

    def _hand_on(self, task: "asyncio.Task[Done]") -> None:
        """What neither component nor person can have caused must not be waited for in vain."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Halted) and not self._reached.done():
            self._reached.set_exception(error)

    async def _branch(self, index: int) -> Done:
        """Run one branch in its turn; how it ended is counted. Raises what halted it."""
        try:
            async with self._window:
                done = await self._limited(index)
        except StepFailed as failed:
            done = Done(failure=failed.failure)
        except FlowEnded:
            done = Done(ended=True)
        except Halted as halt:
            self._halts[index] = halt
            self._look()
            raise
        if not self._closed:
            self._count(index, done)
            self._look()
        return done

    async def _limited(self, index: int) -> Done:
        """A branch within its time. Raises StepFailed when the time is over."""
        at, limit = self._at(index), self._node.max_wait
        if limit is None:
            return await self._walk(index)
        runtime, deadlines = self._common.runtime, self._state.deadlines
        now = runtime.now()
        if at not in deadlines:
            # Its time begins when it can.
            self._gate.check(at, self._scope.shield)
            deadlines[at] = now + timedelta(milliseconds=limit)
        name = self._node.names[index] if self._node.names else at
        task = None
        if deadlines[at] > now:
            task = asyncio.create_task(self._walk(index))
            in_time = await runtime.until(task, deadlines[at], f"limit of {name}")
            # One that has lost meanwhile cannot be late any more.
            if in_time or self._gate.lost(at):
                return await task
        self._common.losers.add(at, lambda: self._walk(index), task)
        self._state.timed_out.append(name)
        failure = self._too_long(at, name, limit)
        self._state.done[at] = Done(failure=failure)
        raise StepFailed(failure)

    def _count(self, index: int, done: Done) -> None:
        self._results[index] = done
        if done.failure is not None and not self._node.ignore_error:
            # Whatever a sibling waits for, it decides nothing any more.
            self._gate.supersede(self._path)

    def _look(self) -> None:
        ended = len(self._results) + len(self._halts) == len(self._node.items)
        if not self._reached.done() and (ended or self._enough()):
            self._reached.set_result(None)

    def _enough(self) -> bool:
        """Whether the WHEN is done. Branches that were not accessible do not count."""
        node, results = self._node, self._results
        counted = sum(not done.skipped for done in results.values())
        if len(results) == len(node.items):
            return True
        if node.any:
            return counted > 0
        if node.must is not None:
            return all(index in results for index in node.must)
        if node.percentage is not None:
            accessible = len(node.items) - (len(results) - counted)
            return counted >= max(1, ceil(accessible * node.percentage))
        return False

    def _first_halt(self) -> Halted:
        """The halt that goes up: a parked branch may still owe a FINALLY, so it goes first."""
        halts = list(self._halts.values())
        return next((halt for halt in halts if isinstance(halt, Parked)), halts[0])

    def _evaluate(self) -> Done:
        results = [self._results[index] for index in sorted(self._results)]
        if not self._node.ignore_error:
            for done in results:
                if done.failure is not None:
                    raise StepFailed(done.failure)
        if any(done.ended for done in results):
            raise FlowEnded
        return Done()

    def _too_long(self, path: str, name: str, milliseconds: int) -> Failure:
        where = self._scope.chain or self._common.frost.plan.chain
        return Failure(
            path=path,
            component=name,
            error=ErrorInfo(
                type="TimeoutException" if self._node.wraps else "WhenTimeoutException",
                code="BRANCH_TIMEOUT",
                message=f"Timed out when executing the chain [{where}] because [{name}] "
                f"exceeded {milliseconds / 1000:g} seconds.",
            ),
        )
