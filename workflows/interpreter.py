"""The interpreter: walks a plan, one method per operator, and stops where it safely can.

For the saga's lifecycle (`workflows.saga`), on any runtime. Finished sub-blocks are kept in the
state's done-map, so that a run that continues as new fast-forwards to where it was. It knows
neither Temporal nor what happens after a failure has reached the top.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import assert_never

from pydantic import JsonValue

from rules.execution import EntryStatus, StackEntry
from rules.plan import ChainNode, ComponentPolicy, IfNode, PlanNode, StepNode, ThenNode, WhenNode
from rules.wire import Done, Failure, Frost, SagaRef, SagaState, StepFailure, StepReply
from workflows.gate import Gate
from workflows.requests import MissingOutput, apply_operation, forward_request, forward_retry
from workflows.runtime import Runtime
from workflows.stack import SagaStack
from workflows.strategies import Again, GoOn, Strategies


class StepFailed(Exception):
    """A failure on its way up; a CATCH or the saga itself will meet it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(f"{failure.component}: {failure.error.message}")


class Interpreter:
    """Walks one execution's plan over its state."""

    def __init__(
        self,
        ref: SagaRef,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        *,
        gate: Gate,
        strategies: Strategies,
    ) -> None:
        self._ref = ref
        self._frost = frost
        self._state = state
        self._runtime = runtime
        self._stack = SagaStack(frost.plan, state)
        self._gate = gate
        self._strategies = strategies

    async def walk(self, node: PlanNode, path: str) -> JsonValue:
        """Run the block at `path` to its end, or skip it when an earlier run finished it.

        Raises StepFailed when it fails, Parked or Stopped when a gate ended it midway.
        """
        done = self._state.done.get(path)
        if done is None:
            done = await self._finish(node, path)
        if done.failure is not None:
            raise StepFailed(done.failure)
        return done.value

    async def _finish(self, node: PlanNode, path: str) -> Done:
        try:
            done = Done(value=await self._visit(node, path))
        except StepFailed as failed:
            done = Done(failure=failed.failure)
        for child in range(_children(node)):
            self._state.done.pop(f"{path}.{child}", None)
        self._state.done[path] = done
        return done

    async def _visit(self, node: PlanNode, path: str) -> JsonValue:
        match node:
            case StepNode():
                return await self._step(node, path)
            case ThenNode():
                return await self._then(node, path)
            case WhenNode():
                return await self._when(node, path)
            case IfNode():
                return await self._if(node, path)
            case ChainNode():
                return await self.walk(node.body, f"{path}.0")
        assert_never(node)

    async def _then(self, node: ThenNode, path: str) -> JsonValue:
        for index, item in enumerate(node.items):
            await self.walk(item, f"{path}.{index}")
        return None

    async def _when(self, node: WhenNode, path: str) -> JsonValue:
        """All branches run to their end; then the first failure in declaration order goes up."""
        window = asyncio.Semaphore(self._frost.options.max_parallel)

        async def branch(item: PlanNode, at: str) -> None:
            async with window:
                try:
                    await self.walk(item, at)
                except StepFailed:
                    # Whatever a sibling waits for, it decides nothing any more.
                    self._gate.supersede(path)
                    raise

        branches = [branch(item, f"{path}.{index}") for index, item in enumerate(node.items)]
        await _all(branches)
        return None

    async def _if(self, node: IfNode, path: str) -> JsonValue:
        if await self.walk(node.test, f"{path}.0"):
            await self.walk(node.then, f"{path}.1")
        elif node.otherwise is not None:
            await self.walk(node.otherwise, f"{path}.2")
        return None

    async def _step(self, node: StepNode, path: str) -> JsonValue:
        policy = self._frost.plan.components[node.component]
        entry, output = self._resumed(path), None
        if entry is None:
            self._gate.enter()
            entry = self._stack.push(node, path, self._runtime.now())
            output = await self._round(node, entry, policy)
        while entry.outcome is not EntryStatus.COMPLETED:
            if path not in self._state.due:
                choice = await self._strategies.choose(entry, policy)
                if isinstance(choice, GoOn):
                    return self._go_on(entry, choice)
                if not isinstance(choice, Again):
                    assert entry.error is not None
                    failure = Failure(path=path, component=node.component, error=entry.error)
                    raise StepFailed(failure)
                self._state.due.append(path)
            self._gate.enter()
            self._state.due.remove(path)
            self._stack.reopen(entry)
            output = await self._round(node, entry, policy)
        return output

    def _resumed(self, path: str) -> StackEntry | None:
        """The entry of a step that had failed, and was not done, when an earlier run was parked."""
        if path not in self._state.waiting and path not in self._state.due:
            return None
        return next(entry for entry in self._state.stack if entry.path == path)

    def _go_on(self, entry: StackEntry, choice: GoOn) -> JsonValue:
        if choice.skipped:
            self._stack.skip(entry, choice.output)
            self._runtime.changed()
        return choice.output

    async def _round(self, node: StepNode, entry: StackEntry, policy: ComponentPolicy) -> JsonValue:
        """Run the step to its last attempt and note the outcome; the output of a success."""
        state = self._state
        result: StepReply | StepFailure
        try:
            request = forward_request(self._ref, self._frost, state, node, entry)
        except MissingOutput as missing:
            result = StepFailure(outcome="FAILED", error=missing.error, attempts=0)
        else:
            self._stack.keep_input(entry, request)
            self._runtime.changed()
            result = await self._runtime.step(request, policy, forward_retry(policy))
        for operation in result.operations:
            apply_operation(state.context, operation)
        now = self._runtime.now()
        output: JsonValue = None
        if isinstance(result, StepFailure):
            self._stack.fail(entry, result, now)
        else:
            self._stack.complete(entry, result, now)
            output = state.output = result.output
        self._runtime.changed()
        return output


async def _all(branches: Sequence[Awaitable[None]]) -> None:
    """Await every branch; a halt of any goes before the failures, which the done-map keeps."""
    results = await asyncio.gather(*branches, return_exceptions=True)
    raised = [result for result in results if isinstance(result, BaseException)]
    for error in raised:
        if not isinstance(error, StepFailed):
            raise error
    if raised:
        raise raised[0]


def _children(node: PlanNode) -> int:
    match node:
        case ThenNode() | WhenNode():
            return len(node.items)
        case IfNode():
            return 3
        case ChainNode():
            return 1
    return 0
