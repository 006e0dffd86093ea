"""WHEN: its branches side by side, in a window, until enough of them are done.

For the interpreter. All must be done unless the WHEN says otherwise (any, must, percentage); those
left then have lost, as have those that took too long. (EL reference sections 4, 7 and 13.)
"""

import asyncio
from datetime import timedelta
from math import ceil

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
        self._halts: list[Halted] = []
        self._closed = False
        self._reached: asyncio.Future[None] = asyncio.Future()

    async def run(self) -> Done:
        for index in range(len(self._node.items)):
            done = self._state.done.get(self._at(index))
            if done is not None:
                self._count(index, done)
        # In a continued run enough may be done already: the others have lost where they stand.
        late = self._closed = self._enough()
        pending = {
            index: self._start(index, lost=late)
            for index in range(len(self._node.items))
            if index not in self._results
        }
        if not late:
            await self._reached
            if self._gate.parking or self._halts:
                # Who loses is decided when all that parks has parked, in the next run.
                await asyncio.gather(*pending.values())
            if self._halts:
                raise self._first_halt()
            for index, task in pending.items():
                if index not in self._results:
                    self._common.losers.add(self._at(index), task)
        self._closed = True
        return self._evaluate()

    def _at(self, index: int) -> str:
        return f"{self._path}.{index}"

    def _start(self, index: int, *, lost: bool) -> "asyncio.Task[Done]":
        if lost:
            self._gate.lose(self._at(index))
        task = asyncio.create_task(self._branch(index))
        task.add_done_callback(self._hand_on)
        if lost:
            self._common.losers.add(self._at(index), task)
        return task

    def _hand_on(self, task: "asyncio.Task[Done]") -> None:
        """What neither component nor person can have caused must not be waited for in vain."""
        if not task.cancelled() and not self._reached.done():
            error = task.exception()
            if error is not None:
                self._reached.set_exception(error)

    async def _branch(self, index: int) -> Done:
        """Run one branch in its turn; how it ended is counted, not raised."""
        done = Done()
        try:
            async with self._window:
                done = await self._limited(index)
        except StepFailed as failed:
            done = Done(failure=failed.failure)
        except FlowEnded:
            done = Done(ended=True)
        except Halted as halt:
            self._halts.append(halt)
            self._look()
            return done
        if not self._closed:
            self._count(index, done)
            self._look()
        return done

    async def _limited(self, index: int) -> Done:
        """A branch within its time. Raises StepFailed when the time is over."""
        item, at, limit = self._node.items[index], self._at(index), self._node.max_wait
        walk = self._common.walk(item, at, self._scope)
        if limit is None:
            return await walk
        runtime = self._common.runtime
        now = runtime.now()
        until = self._state.deadlines.setdefault(at, now + timedelta(milliseconds=limit))
        name = self._node.names[index] if self._node.names else at
        in_time = until > now
        if not in_time:
            self._gate.lose(at)
        task = asyncio.create_task(walk)
        if in_time and await runtime.until(task, until, f"limit of {name}"):
            return await task
        if self._gate.parking or (in_time and self._gate.lost(at)):
            return await task
        self._common.losers.add(at, task)
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
        return next((halt for halt in self._halts if isinstance(halt, Parked)), self._halts[0])

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
