"""One step of the walk: its stack entry, its rounds, its outcome, and what its strategy chooses.

For the interpreter. Knows nothing of the blocks around a step but what its scope says.
"""

from rules.execution import StackEntry
from rules.plan import ComponentPolicy, StepNode
from rules.wire import Done, Failure, Frost, SagaRef, SagaState, StepFailure, StepReply
from workflows.endings import StepFailed
from workflows.gate import Gate
from workflows.requests import MissingOutput, forward_request, forward_retry
from workflows.runtime import Runtime
from workflows.scope import Scope
from workflows.sizes import Sizes, TooLarge
from workflows.stack import SagaStack
from workflows.strategies import Again, GoOn, Strategies


class Steps:
    """Runs the steps of one execution."""

    def __init__(
        self,
        ref: SagaRef,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        *,
        gate: Gate,
        strategies: Strategies,
        sizes: Sizes,
    ) -> None:
        self._ref = ref
        self._frost = frost
        self._state = state
        self._runtime = runtime
        self._stack = SagaStack(frost.plan, state)
        self._gate = gate
        self._strategies = strategies
        self._sizes = sizes

    async def run(self, node: StepNode, path: str, scope: Scope) -> Done:
        """Run a step until it is done or absorbed. Raises StepFailed, Parked, Stopped or Lost."""
        policy = self._frost.plan.components[node.component]
        entry, done = self._resumed(path), None
        if entry is None:
            self._gate.enter(path, scope.shield)
            entry = self._stack.push(node, path, self._runtime.now())
            done = await self._round(node, entry, policy, scope)
        while done is None:
            if path not in self._state.due:
                choice = await self._strategies.choose(entry, policy, scope.shield)
                if isinstance(choice, GoOn):
                    return self._go_on(entry, choice)
                if not isinstance(choice, Again):
                    assert entry.error is not None
                    failure = Failure(path=path, component=node.component, error=entry.error)
                    raise StepFailed(failure)
                self._state.due.append(path)
            self._gate.enter(path, scope.shield)
            self._state.due.remove(path)
            self._stack.reopen(entry)
            done = await self._round(node, entry, policy, scope)
        return done

    def literal(self, name: str, path: str) -> None:
        """Note a head that is written in the chain itself, as LiteFlow's step string shows it."""
        self._stack.note(name, path, self._runtime.now())

    def compact(self, loop: str, index: int) -> None:
        """A pass of a loop has ended: forget outputs that nothing can ask for any more."""
        self._stack.compact(loop, index)

    def _resumed(self, path: str) -> StackEntry | None:
        """The entry of a step that had failed, and was not done, when an earlier run was parked."""
        if path not in self._state.waiting and path not in self._state.due:
            return None
        return next(entry for entry in self._state.stack if entry.path == path)

    def _go_on(self, entry: StackEntry, choice: GoOn) -> Done:
        if choice.skipped:
            self._stack.skip(entry, choice.output)
            self._runtime.changed()
        return Done(value=choice.output)

    async def _round(
        self, node: StepNode, entry: StackEntry, policy: ComponentPolicy, scope: Scope
    ) -> Done | None:
        """Run the step to its last attempt and note the outcome; None for a failure."""
        result = await self._send(node, entry, policy, scope)
        # What a branch that has lost brings home is known to the stack only.
        lost = self._gate.lost(entry.path)
        if lost:
            result = result.model_copy(update={"operations": ()})
        result = self._sizes.admit(entry, result)
        now = self._runtime.now()
        done = None
        if isinstance(result, StepFailure):
            self._stack.fail(entry, result, now)
            # A head that gives no answer cannot let the flow go on.
            if result.absorbed and policy.kind == "common":
                done = Done()
        elif result.skipped:
            self._stack.leave_out(entry, now)
            done = Done(skipped=True, ended=result.end)
        else:
            self._stack.complete(entry, result, now, produce=not lost)
            if not lost:
                self._state.output = result.output
            # Only a head's answer is read again, from the done-map.
            value = None if policy.kind == "common" else result.output
            done = Done(value=value, ended=result.end)
        self._runtime.changed()
        return done

    async def _send(
        self, node: StepNode, entry: StackEntry, policy: ComponentPolicy, scope: Scope
    ) -> StepReply | StepFailure:
        place = scope.place(node)
        try:
            request = forward_request(self._ref, self._frost, self._state, node, entry, place=place)
            self._sizes.check_step(entry, request)
        except (MissingOutput, TooLarge) as unsent:
            return StepFailure(outcome="FAILED", error=unsent.error, attempts=0)
        self._stack.keep_input(entry, request)
        self._runtime.changed()
        retry = forward_retry(policy, node.retry)
        shielded = scope.shield is not None
        return await self._runtime.step(request, policy, retry, shielded=shielded)
