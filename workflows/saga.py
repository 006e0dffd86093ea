"""The life of one execution: forward, then undo in reverse order of completion, then its status.

For both runtimes, which give it a `Runtime` and call `run`. It may end early with Parked, when the
run should continue as new with the state as it is.
"""

from rules.execution import Cause, EntryStatus, ErrorInfo, Execution, StackEntry, Status
from rules.wire import Frost, PlannedUndo, SagaRef, SagaResult, SagaState, StepFailure
from workflows.gate import Gate, Stopped
from workflows.interpreter import Interpreter, StepFailed
from workflows.outcome import execution_of, final_status, result_of
from workflows.requests import MissingOutput, undo_request, undo_retry
from workflows.runtime import Runtime
from workflows.stack import planned_undos, undo_order


class Saga:
    """One execution over its state. Raises nothing for what components do."""

    def __init__(self, ref: SagaRef, frost: Frost, state: SagaState, runtime: Runtime) -> None:
        self.ref = ref
        self.frost = frost
        self.state = state
        self._runtime = runtime
        self._gate = Gate(runtime)
        self._interpreter = Interpreter(ref, frost, state, runtime, self._gate)

    async def run(self, *, announce: bool = False) -> SagaResult:
        """Run to the end, from wherever the state stands. Raises Parked.

        `announce` tells readers first of a saga that was started past the API.
        """
        if announce:
            await self._enter(Status.RUNNING)
        if self.state.status is Status.RUNNING:
            if self.state.cause is not None:
                self._gate.stop()
            await self._forward()
        if self.state.status is Status.COMPENSATING:
            await self._undo()
        if not self.state.status.final:
            self.state.ended_at = self._runtime.now()
            if self.state.cause is not None:
                self.state.output = None
            await self._enter(final_status(self.state))
        return result_of(self.ref, self.state)

    def cancel(self) -> None:
        """Stop going forward and undo; ignored once undoing began (design section 5)."""
        if self.state.status is Status.RUNNING and self.state.cause is None:
            self.state.cause = Cause.CANCEL
            self._gate.stop()

    def execution(self) -> Execution:
        """The execution as it stands."""
        return execution_of(self.ref, self.frost, self.state)

    def undo_plan(self) -> list[PlannedUndo]:
        """What would be undone now, in order."""
        return planned_undos(self.state.stack)

    async def _forward(self) -> None:
        state = self.state
        try:
            await self._interpreter.walk(self.frost.plan.root, "0")
        except StepFailed as failed:
            state.cause = state.cause or Cause.FAILURE
            state.failure = failed.failure
        except Stopped:
            pass
        if state.cause is None or not self.frost.options.saga:
            return
        if undo_order(state.stack):
            await self._enter(Status.COMPENSATING)

    async def _undo(self) -> None:
        self._gate.allow_undo()
        for entry in undo_order(self.state.stack):
            if entry.status in (EntryStatus.COMPENSATED, EntryStatus.COMPENSATION_FAILED):
                continue
            self._gate.enter()
            await self._undo_entry(entry)

    async def _undo_entry(self, entry: StackEntry) -> None:
        assert entry.compensation is not None
        runtime, policy = self._runtime, self.frost.plan.components[entry.compensation]
        entry.status = EntryStatus.COMPENSATING
        entry.undo_started_at = runtime.now()
        runtime.changed()
        try:
            request = undo_request(self.ref, self.frost, self.state, entry)
        except MissingOutput as missing:
            self._undo_failed(entry, missing.error, 0)
            return
        result = await runtime.step(request, policy, undo_retry(policy))
        if isinstance(result, StepFailure):
            self._undo_failed(entry, result.error, result.attempts)
            return
        self.state.undone += 1
        entry.undone = self.state.undone
        entry.undo_attempts = result.attempts
        entry.status = EntryStatus.COMPENSATED
        entry.undo_ended_at = runtime.now()
        runtime.changed()

    def _undo_failed(self, entry: StackEntry, error: ErrorInfo, attempts: int) -> None:
        entry.status = EntryStatus.COMPENSATION_FAILED
        entry.undo_error = error
        entry.undo_attempts = attempts
        entry.undo_ended_at = self._runtime.now()
        self._runtime.changed()

    async def _enter(self, status: Status) -> None:
        self.state.status = status
        self.state.revision += 1
        self.state.changed_at = self._runtime.now()
        await self._runtime.publish()
