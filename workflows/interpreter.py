"""The interpreter: walks a plan, one method per operator, and stops where it safely can.

For the saga's lifecycle (`workflows.saga`), on any runtime. Finished sub-blocks are kept in the
state's done-map, so that a run that continues as new fast-forwards to where it was. It knows
neither Temporal nor what happens after a failure has reached the top.
"""

from typing import assert_never

from rules.execution import ErrorInfo
from rules.failures import matches
from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)
from rules.wire import Done, Failure, Frost, SagaState
from workflows.branches import Branches
from workflows.choices import choose, target_ids
from workflows.endings import FlowEnded, StepFailed, pass_on
from workflows.gate import Gate
from workflows.loops import Loops
from workflows.losers import Losers
from workflows.owed import Owed
from workflows.runtime import Runtime
from workflows.scope import Scope
from workflows.steps import Steps


class Interpreter:
    """Walks one execution's plan over its state."""

    def __init__(
        self, frost: Frost, state: SagaState, runtime: Runtime, *, gate: Gate, steps: Steps
    ) -> None:
        self._frost = frost
        self._state = state
        self._gate = gate
        self._steps = steps
        self._losers = Losers(state, gate)
        self._owed = Owed(
            frost.options, state, runtime, gate=gate, losers=self._losers, walk=self.walk
        )
        self._branches = Branches(
            frost, state, runtime, gate=gate, losers=self._losers, walk=self.walk
        )
        self._loops = Loops(
            frost.options, state, gate=gate, losers=self._losers, steps=steps, walk=self.walk
        )

    async def settle(self) -> None:
        """Wait until the branches that have lost are at rest."""
        await self._losers.settle()

    async def walk(self, node: PlanNode, path: str, scope: Scope) -> Done:
        """Run the block at `path` to its end, or skip it when an earlier run finished it.

        Raises StepFailed, FlowEnded, or Parked, Stopped or Lost when a gate ended it midway.
        """
        done = self._state.done.get(path)
        if done is None:
            done = await self._finish(node, path, scope)
        pass_on(done)
        return done

    async def _finish(self, node: PlanNode, path: str, scope: Scope) -> Done:
        try:
            done = await self._visit(node, path, scope)
        except StepFailed as failed:
            done = Done(failure=failed.failure)
        except FlowEnded:
            done = Done(ended=True)
        if not isinstance(node, StepNode):
            self._clear(node, path)
        # A branch that has lost is a result already. What is inside it may be walked once more.
        if not self._gate.lost_as_a_whole(path):
            self._state.done[path] = done
        return done

    async def _visit(self, node: PlanNode, path: str, scope: Scope) -> Done:
        match node:
            case StepNode():
                return await self._steps.run(node, path, scope)
            case ThenNode():
                return await self._then(node, path, scope)
            case WhenNode():
                return await self._branches.run(node, path, scope)
            case IfNode():
                return await self._if(node, path, scope)
            case ChainNode():
                await self.walk(node.body, f"{path}.0", scope.within_chain(node.chain))
                return Done()
            case CatchNode():
                return await self._catch(node, path, scope)
            case RetryNode():
                return await self._retry(node, path, scope)
            case SwitchNode():
                return await self._switch(node, path, scope)
            case LoopNode():
                return await self._loops.run(node, path, scope)
            case LogicNode():
                return await self._logic(node, path, scope)
        assert_never(node)

    async def _then(self, node: ThenNode, path: str, scope: Scope) -> Done:
        """One after the other; what FINALLY holds runs in any case, once the block began."""
        if node.last is not None:
            return await self._owed.run(node, path, scope)
        for index, item in enumerate(node.items):
            await self.walk(item, f"{path}.{index}", scope)
        return Done()

    async def _if(self, node: IfNode, path: str, scope: Scope) -> Done:
        answer = await self.walk(node.test, f"{path}.0", scope)
        if answer.skipped:
            return Done()
        if answer.value:
            await self.walk(node.then, f"{path}.1", scope)
        elif node.otherwise is not None:
            await self.walk(node.otherwise, f"{path}.2", scope)
        return Done()

    async def _catch(self, node: CatchNode, path: str, scope: Scope) -> Done:
        """Absorb a failure; its entries stay on the stack. The handler's own failure goes up."""
        try:
            await self.walk(node.body, f"{path}.0", scope)
        except StepFailed as failed:
            if node.handler is not None:
                await self.walk(node.handler, f"{path}.1", scope.after(failed.failure.error))
        return Done()

    async def _retry(self, node: RetryNode, path: str, scope: Scope) -> Done:
        """Run the block again when it fails; the effects of a failed pass stay on the stack."""
        while True:
            number = self._state.passes.get(path, 1)
            at = f"{path}~{number}"
            try:
                done = await self.walk(node.body, at, scope)
            except StepFailed as failed:
                if number > node.times or not matches(failed.failure.error, node.types):
                    raise
                self._state.done.pop(at, None)
                self._state.passes[path] = number + 1
            else:
                return Done(value=done.value)

    async def _switch(self, node: SwitchNode, path: str, scope: Scope) -> Done:
        head = await self.walk(node.head, f"{path}.0", scope.choosing(target_ids(node)))
        if head.skipped:
            return Done()
        chosen = choose(node, head.value)
        if chosen is None:
            raise StepFailed(_no_target(node, f"{path}.0", head))
        index, target = chosen
        await self.walk(target, f"{path}.{index + 1}", scope)
        return Done()

    async def _logic(self, node: LogicNode, path: str, scope: Scope) -> Done:
        """AND, OR from left to right as far as needed, NOT; inaccessible operands are left out."""
        asked = 0
        for index, item in enumerate(node.items):
            answer = await self.walk(item, f"{path}.{index}", scope)
            if answer.skipped:
                continue
            asked += 1
            if node.op == "not":
                return Done(value=not answer.value)
            if bool(answer.value) is (node.op == "or"):
                return Done(value=node.op == "or")
        if node.op == "not" and not asked:
            raise StepFailed(_nothing_to_negate(path))
        return Done(value=node.op == "and")

    def _clear(self, node: PlanNode, path: str) -> None:
        """Forget what was kept of a finished block's inside."""
        done = self._state.done
        deadlines, begun = self._state.deadlines, self._state.begun
        match node:
            case RetryNode():
                done.pop(f"{path}~{self._state.passes.pop(path, 1)}", None)
            case LoopNode():
                self._loops.clear(path)
            case _:
                for child in range(_children(node)):
                    done.pop(f"{path}.{child}", None)
                    if deadlines:
                        deadlines.pop(f"{path}.{child}", None)
        if begun and path in begun:
            begun.remove(path)


def _children(node: PlanNode) -> int:
    match node:
        case ThenNode():
            return len(node.items) + len(node.last or ())
        case WhenNode() | LogicNode():
            return len(node.items)
        case IfNode():
            return 3
        case SwitchNode():
            return len(node.targets) + 2
        case CatchNode():
            return 2
        case ChainNode():
            return 1
    return 0


def _no_target(node: SwitchNode, path: str, head: Done) -> Failure:
    known = ", ".join(target_ids(node)) or "none"
    component = node.head.component if isinstance(node.head, StepNode) else "SWITCH"
    return Failure(
        path=path,
        component=component,
        error=ErrorInfo(
            type="NoSwitchTargetNodeException",
            code="NO_SWITCH_TARGET",
            message=f"'{component}' chose {head.value!r:.100}, which is no target: {known}",
        ),
    )


def _nothing_to_negate(path: str) -> Failure:
    return Failure(
        path=path,
        component="NOT",
        error=ErrorInfo(
            type="NothingToNegate",
            code="NO_CONDITION",
            message="the operand of NOT is not accessible, so there is nothing to negate",
        ),
    )
