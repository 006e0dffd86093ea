"""FOR, WHILE, ITERATOR: a body once per pass, one after the other or side by side.

For the interpreter. A sequential loop keeps the index of its next pass only; a parallel one also
the results of passes that are done ahead of others. (EL reference section 4, Loops.)
"""

import asyncio
from typing import Final

from pydantic import JsonValue

from rules.execution import ErrorInfo
from rules.plan import LoopNode
from rules.wire import Done, Failure, SagaOptions, SagaState
from workflows.endings import FlowEnded, StepFailed, pass_on
from workflows.gate import Gate, Halted, Parked
from workflows.losers import Losers
from workflows.scope import Scope, Walk
from workflows.steps import Steps

MOST_IDLE: Final = 10_000
END: Final = "#end"
FAILED: Final = "#failed"
ENDED: Final = "#ended"
"""Marks of a parallel loop's block path: how many passes, the first failure, a wish to end."""


class Loops:
    """Runs the loops of one execution."""

    def __init__(
        self,
        options: SagaOptions,
        state: SagaState,
        *,
        gate: Gate,
        losers: Losers,
        steps: Steps,
        walk: Walk,
    ) -> None:
        self.options = options
        self.state = state
        self.gate = gate
        self.losers = losers
        self.steps = steps
        self.walk = walk

    async def run(self, node: LoopNode, path: str, scope: Scope) -> Done:
        """Run pass after pass until the head or BREAK says that it is enough."""
        head = Done()
        if node.op != "while":
            head = await self.head(node, f"{path}.0", scope)
            if head.skipped:
                return Done()
        if node.parallel:
            try:
                return await _Parallel(self, node, path, scope, head).run()
            finally:
                self.gate.reinstate(path)
        idle = _Idle(self.gate, path)
        while True:
            index = self.state.passes.get(path, 0)
            idle.check()
            inner = pass_scope(node, head, index, scope)
            if inner is None or not await self.goes_on(node, path, index, inner):
                return Done()
            await self.walk(node.body, f"{path}#{index}", inner)
            enough = await self.breaks(node, path, index, inner)
            self.clear_pass(path, index)
            self.state.passes[path] = index + 1
            if enough:
                return Done()

    async def head(self, node: LoopNode, path: str, scope: Scope) -> Done:
        """The head's answer; a literal leaves a mark among the steps, as in LiteFlow."""
        if isinstance(node.head, bool | int):
            if path not in self.state.done:
                self.gate.check(path, scope.shield)
                word = str(node.head).lower() if isinstance(node.head, bool) else node.head
                self.steps.literal(f"LOOP_{word}", path)
                self.state.done[path] = Done(value=node.head)
            return self.state.done[path]
        return await self.walk(node.head, path, scope)

    async def goes_on(self, node: LoopNode, path: str, index: int, scope: Scope) -> bool:
        """Whether a WHILE's head wants the pass at `index`."""
        if node.op != "while":
            return True
        answer = await self.head(node, f"{path}.0#{index}", scope)
        return bool(answer.value) and not answer.skipped

    async def breaks(self, node: LoopNode, path: str, index: int, scope: Scope) -> bool:
        """Whether BREAK ends the loop after the pass at `index`."""
        if node.until is None:
            return False
        answer = await self.walk(node.until, f"{path}.2#{index}", scope)
        return bool(answer.value) and not answer.skipped

    def clear_pass(self, path: str, index: int) -> None:
        """Forget the results of one pass, and outputs that a later one has replaced."""
        # A branch that has lost may still ask for what its own pass gave.
        if not self.losers.inside(path):
            self.steps.compact(path, index)
        for at in (f"{path}.0#{index}", f"{path}#{index}", f"{path}.2#{index}"):
            self.state.done.pop(at, None)

    def clear(self, path: str) -> None:
        """Forget what was kept of a loop that has ended."""
        index = self.state.passes.pop(path, 0)
        self.clear_pass(path, index)
        for at in (f"{path}.0", f"{path}{END}", f"{path}{FAILED}", f"{path}{ENDED}"):
            self.state.done.pop(at, None)


def pass_scope(node: LoopNode, head: Done, index: int, scope: Scope) -> Scope | None:
    """The scope of the pass at `index`; None when the head gives no such pass."""
    if node.op == "iterator":
        objects = head.value if isinstance(head.value, list) else []
        return scope.in_pass(index, objects[index]) if index < len(objects) else None
    if node.op == "for" and index >= _count(head.value):
        return None
    return scope.in_pass(index)


def _count(value: JsonValue) -> int:
    return int(value) if isinstance(value, int | float) else 0


class _Idle:
    """Counts passes that begin no step, of which there may be no end."""

    def __init__(self, gate: Gate, path: str) -> None:
        self._gate = gate
        self._path = path
        self._entered = gate.entered
        self._passes = 0

    def check(self) -> None:
        """Count one more pass. Raises StepFailed after too many of them."""
        if self._gate.entered != self._entered:
            self._entered, self._passes = self._gate.entered, 0
        self._passes += 1
        if self._passes > MOST_IDLE:
            raise StepFailed(_idle(self._path))


def _idle(path: str) -> Failure:
    return Failure(
        path=path,
        component="loop",
        error=ErrorInfo(
            type="IdleLoop",
            code="IDLE_LOOP",
            message=f"{MOST_IDLE} passes of the loop began no step; it would never end",
        ),
    )


class _Parallel:
    """One parallel loop under way: passes start in order, in a window, and end in any order.

    `passes` keeps the first index that is not done; passes done ahead of it keep their results.
    """

    def __init__(self, common: Loops, node: LoopNode, path: str, scope: Scope, head: Done) -> None:
        self._common = common
        self._state = common.state
        self._node = node
        self._path = path
        self._scope = scope
        self._head = head
        self._window = asyncio.Semaphore(common.options.max_parallel)
        self._next = self._state.passes.get(path, 0)
        self._halts: list[Halted] = []
        self._failed: dict[int, Failure] = {}
        self._ended = f"{path}{ENDED}" in self._state.done

    async def run(self) -> Done:
        """Run all passes to their end; then the first failure in the order of passes goes up."""
        if f"{self._path}{FAILED}" in self._state.done:
            self._common.gate.supersede(self._path)
        tasks: list[asyncio.Task[None]] = []
        raised: StepFailed | FlowEnded | None = None
        try:
            await self._submit(tasks)
        except Halted as halt:
            self._halts.append(halt)
        except StepFailed as error:
            # Like a pass that fails: whatever the passes wait for, it decides nothing any more.
            raised = error
            self._common.gate.supersede(self._path)
        except FlowEnded as error:
            raised = error
        await asyncio.gather(*tasks)
        if self._halts:
            raise next((h for h in self._halts if isinstance(h, Parked)), self._halts[0])
        failed = self._state.done.get(f"{self._path}{FAILED}")
        if failed is not None and failed.failure is not None:
            raise StepFailed(failed.failure)
        if self._failed:
            raise StepFailed(self._failed[min(self._failed)])
        if raised is not None:
            raise raised
        if self._ended:
            raise FlowEnded
        return Done()

    async def _submit(self, tasks: "list[asyncio.Task[None]]") -> None:
        """Start pass after pass. BREAK is asked once a pass has started, not when it is done."""
        common, node, path = self._common, self._node, self._path
        end = self._state.done.get(f"{path}{END}")
        idle = _Idle(common.gate, path)
        while not self._halts and (end is None or self._next < _count(end.value)):
            index = self._next
            idle.check()
            inner = pass_scope(node, self._head, index, self._scope)
            if inner is None or not await common.goes_on(node, path, index, inner):
                return
            await self._window.acquire()
            known = self._state.done.get(f"{path}#{index}")
            tasks.append(asyncio.create_task(self._pass(index, inner, known)))
            enough = await common.breaks(node, path, index, inner)
            self._next = index + 1
            if enough:
                end = self._state.done[f"{path}{END}"] = Done(value=self._next)
            self._advance()

    async def _pass(self, index: int, scope: Scope, known: Done | None) -> None:
        """Run one pass. What an earlier run `known` of it may be counted and gone by now."""
        try:
            if known is None:
                await self._common.walk(self._node.body, f"{self._path}#{index}", scope)
            else:
                pass_on(known)
        except Halted as halt:
            self._halts.append(halt)
        except StepFailed as failed:
            self._failed[index] = failed.failure
            self._common.gate.supersede(self._path)
        except FlowEnded:
            self._ended = True
        finally:
            self._window.release()
        self._advance()

    def _advance(self) -> None:
        """Count what is done without a gap; a pass whose BREAK was not asked yet is not done."""
        index = self._state.passes.get(self._path, 0)
        while index < self._next:
            done = self._state.done.get(f"{self._path}#{index}")
            if done is None:
                return
            if done.failure is not None:
                self._state.done.setdefault(f"{self._path}{FAILED}", done)
            if done.ended:
                self._state.done[f"{self._path}{ENDED}"] = done
            self._common.clear_pass(self._path, index)
            index += 1
            self._state.passes[self._path] = index
