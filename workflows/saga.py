"""The life of one execution: forward, then undo in reverse order of completion, then its status.

For both runtimes, which give it a `Runtime` and call `run`. It may end early with Parked, when the
run should continue as new with the state as it is.
"""

import asyncio

from pydantic import JsonValue

from rules.decisions import Decision, DecisionRecord
from rules.execution import Cause, ErrorInfo, Execution, Status
from rules.wire import Failure, Frost, PlannedUndo, SagaRef, SagaResult, SagaState
from workflows.desk import Desk
from workflows.endings import FlowEnded, StepFailed
from workflows.gate import Gate, Stopped
from workflows.interpreter import Interpreter
from workflows.limit import ChainLimit
from workflows.outcome import execution_of, final_status, open_status, result_of
from workflows.runtime import Runtime
from workflows.scope import Scope
from workflows.sizes import Sizes
from workflows.stack import planned_undos, undo_order
from workflows.steps import Steps
from workflows.strategies import Strategies
from workflows.undoing import Undoing


class Saga:
    """One execution over its state. Raises nothing for what components or people do."""

    def __init__(
        self,
        ref: SagaRef,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        *,
        undoes: SagaRef | None = None,
    ) -> None:
        """`undoes` is the saga whose steps these are, if it is another one."""
        self.ref = ref
        self.frost = frost
        self.state = state
        self._runtime = runtime
        self._gate = Gate(runtime)
        sizes = Sizes(frost, state)
        self._desk = Desk(
            frost,
            state,
            runtime,
            self._gate,
            compensate=self._compensate,
            cancel=lambda: self._stop(Cause.CANCEL),
            sizes=sizes,
        )
        self._limit = ChainLimit(frost.options.timeout, state, runtime, self._time_out)
        strategies = Strategies(frost, state, runtime, self._gate, self._announce)
        steps = Steps(
            ref, frost, state, runtime, gate=self._gate, strategies=strategies, sizes=sizes
        )
        self._interpreter = Interpreter(frost, state, runtime, gate=self._gate, steps=steps)
        self._undoing = Undoing(
            undoes or ref,
            frost,
            state,
            runtime,
            gate=self._gate,
            announce=self._announce,
            sizes=sizes,
        )
        self._told: asyncio.Task[None] | None = None
        self._walked = False

    async def run(self, *, announce: bool = False) -> SagaResult:
        """Run to the end, from wherever the state stands. Raises Parked.

        `announce` tells readers first of a saga that was started past the API.
        """
        beside = [asyncio.create_task(self._desk.serve())]
        if self.frost.options.timeout is not None:
            beside.append(asyncio.create_task(self._limit.watch()))
        try:
            if announce:
                await self._enter(self.state.status)
            await self._run()
        finally:
            self._limit.stop()
            for task in beside:
                task.cancel()
            if self._told is not None:
                await self._told
        self._desk.judge_all()
        return result_of(self.ref, self.frost, self.state)

    def receive(self, kind: str, payload: JsonValue) -> None:
        """Take in a decision, as a signal brought it; it is judged in its turn."""
        self._desk.receive(kind, payload)

    def cancel(self, reason: str | None = None) -> None:
        """Stop going forward and undo; ignored once undoing began (design section 5).

        `reason` may be a decision as JSON, as the API sends it.
        """
        why = self._desk.why_not_cancel()
        self._stop(Cause.CANCEL)
        self._desk.note_cancel(reason, why)

    def execution(self) -> Execution:
        """The execution as it stands."""
        return execution_of(self.ref, self.frost, self.state)

    @property
    def walked(self) -> bool:
        """Whether the chain has come to its result; only branches that have lost may still run."""
        return self._walked

    def undo_plan(self) -> list[PlannedUndo]:
        """What would be undone now, in order."""
        return planned_undos(self.state.stack)

    def decisions(self) -> list[DecisionRecord]:
        """Every decision with its verdict, in the order in which they came."""
        return list(self.state.decisions)

    async def _run(self) -> None:
        if self.state.status.forward:
            if self.state.cause is not None:
                self._gate.stop()
            await self._forward()
        if self.state.status.undoing:
            self._gate.allow_undo()
            await self._undoing.run()
        if not self.state.status.final:
            self.state.ended_at = self._runtime.now()
            if self.state.cause is not None:
                self.state.output = None
            await self._enter(final_status(self.state))

    async def _forward(self) -> None:
        state = self.state
        try:
            await self._walk()
        except StepFailed as failed:
            state.cause = state.cause or Cause.FAILURE
            state.failure = state.failure or failed.failure
        except Stopped:
            pass
        # Nobody decides about a step any more, also not about one that parked before the stop;
        # nothing forward is continued any more either.
        for kept in (state.waiting, state.due, state.passes, state.deadlines, state.begun):
            kept.clear()
        if state.cause is None or not self.frost.options.saga:
            return
        if undo_order(state.stack):
            await self._enter(Status.COMPENSATING)

    async def _walk(self) -> None:
        """Walk the plan; branches that have lost come to rest beyond the chain's time limit."""
        try:
            await self._interpreter.walk(self.frost.plan.root, "0", Scope())
        except FlowEnded:
            pass
        finally:
            self._walked = True
            await self._interpreter.settle()

    def _stop(self, cause: Cause) -> bool:
        if not self.state.status.forward or self.state.cause is not None:
            return False
        self.state.cause = cause
        self._gate.stop()
        if cause is not Cause.OPERATOR:
            # Nobody would stop the chains that they run, and wait for.
            self._runtime.cancel_running(callers=True)
        return True

    def _compensate(self, decision: Decision) -> None:
        if self._stop(Cause.OPERATOR) and decision.in_flight == "cancel":
            self._runtime.cancel_running()

    def _time_out(self) -> None:
        if not self._walked and self._stop(Cause.TIMEOUT):
            seconds = self.frost.options.timeout
            self.state.failure = Failure(
                path="0",
                component=self.frost.plan.chain,
                error=ErrorInfo(
                    type="ChainTimeout",
                    code="CHAIN_TIMEOUT",
                    message=f"the chain did not end within {seconds:g} s",
                ),
            )

    def _announce(self) -> None:
        """Tell readers when the public status of an open saga is another one; does not wait."""
        if self._turn(open_status(self.state)):
            self._told = asyncio.create_task(self._tell(self._told))

    async def _enter(self, status: Status) -> None:
        """Change the status, and tell readers before the saga goes on."""
        self._turn(status)
        await self._tell(self._told)

    def _turn(self, status: Status) -> bool:
        if status is self.state.status and self.state.revision:
            return False
        self._limit.turn(status)
        self.state.status = status
        self.state.revision += 1
        self.state.changed_at = self._runtime.now()
        return True

    async def _tell(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        await self._runtime.publish()
