"""Undo what is on the stack, in reverse order of completion; a blocked undo waits for a person.

For the saga. An undo that is exhausted blocks: it is tried again or skipped by decision. The
chain's undo policy says whether the others go on meanwhile. (Design section 5.)
"""

import asyncio
from collections.abc import Callable

from rules.decisions import Decision, Waiting
from rules.execution import Cause, EntryStatus, ErrorInfo, StackEntry, Status
from rules.sub_runs import SubRunsRequest
from rules.wire import Frost, SagaRef, SagaState, StepFailure
from workflows.desk import UNDO_MARK
from workflows.gate import Gate, Parked
from workflows.requests import MissingOutput, undo_request, undo_retry
from workflows.runtime import Runtime
from workflows.sizes import Sizes, TooLarge
from workflows.stack import undo_order


class Undoing:
    """Undoes one execution. `announce` tells that its public status may have changed."""

    def __init__(
        self,
        ref: SagaRef,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        *,
        gate: Gate,
        announce: Callable[[], None],
        sizes: Sizes,
    ) -> None:
        self._ref = ref
        self._frost = frost
        self._state = state
        self._runtime = runtime
        self._gate = gate
        self._announce = announce
        self._sizes = sizes

    async def run(self) -> None:
        """Undo until nothing is left to undo. Raises Parked."""
        blocked: list[asyncio.Task[None]] = []
        parked: list[Parked] = []
        try:
            await self._undo_all(blocked)
        except Parked as park:
            parked.append(park)
        # Those that are blocked park too, or are decided in the end.
        for result in await asyncio.gather(*blocked, return_exceptions=True):
            if isinstance(result, Parked):
                parked.append(result)
            elif isinstance(result, BaseException):
                raise result
        if parked:
            raise parked[0]

    async def _undo_all(self, blocked: list[asyncio.Task[None]]) -> None:
        """Undo entry by entry; `blocked` collects the waits that the others do not wait for."""
        options = self._frost.options
        for entry in undo_order(self._state.stack):
            if entry.status.undo_ended:
                continue
            if entry.status is not EntryStatus.COMPENSATION_FAILED:
                self._gate.enter(f"{entry.path}{UNDO_MARK}")
                await self._undo(entry)
            if entry.status is not EntryStatus.COMPENSATION_FAILED or options.unattended:
                continue
            if options.undo_policy == "stop":
                await self._unblock(entry)
            else:
                blocked.append(asyncio.create_task(self._unblock(entry)))

    async def _unblock(self, entry: StackEntry) -> None:
        """Wait for decisions until the entry is undone or its undo is skipped. Raises Parked."""
        path = f"{entry.path}{UNDO_MARK}"
        while entry.status is EntryStatus.COMPENSATION_FAILED:
            if path not in self._state.due:
                decision = await self._ask(entry, path)
                if decision.action == "skip":
                    entry.status = EntryStatus.COMPENSATION_SKIPPED
                    self._runtime.changed()
                    self._announce()
                    return
                self._state.due.append(path)
            self._gate.enter(path)
            self._state.due.remove(path)
            self._announce()
            await self._undo(entry)

    async def _ask(self, entry: StackEntry, path: str) -> Decision:
        if path not in self._state.waiting:
            self._state.waiting[path] = Waiting(
                path=path, component=entry.component, since=self._runtime.now()
            )
        self._announce()
        decision = self._state.waiting[path].answer
        if decision is None:
            decision = await self._gate.wait(path, None, f"blocked undo of {entry.component}")
        assert decision is not None
        del self._state.waiting[path]
        return decision

    async def _undo(self, entry: StackEntry) -> None:
        """Undo what the entry has run, then run its compensation to its last attempt."""
        runtime = self._runtime
        entry.status = EntryStatus.COMPENSATING
        entry.undo_started_at = runtime.now()
        runtime.changed()
        if entry.runs_to_undo and not await self._undo_runs(entry):
            return
        if entry.compensation is None:
            self._done(entry, 0)
            return
        policy = self._frost.plan.components[entry.compensation]
        try:
            request = undo_request(self._ref, self._frost, self._state, entry)
            self._sizes.check_undo(entry, request)
        except (MissingOutput, TooLarge) as unsent:
            self._failed(entry, unsent.error, 0)
            return
        result = await runtime.step(request, policy, undo_retry(policy))
        if isinstance(result, StepFailure):
            self._failed(entry, result.error, result.attempts)
            return
        self._done(entry, result.attempts)

    async def _undo_runs(self, entry: StackEntry) -> bool:
        """Undo what the step has run; whether nothing of it is blocked."""
        request = SubRunsRequest(saga=self._ref, path=entry.path, known=entry.sub_runs or ())
        result = await self._runtime.undo_runs(request)
        if isinstance(result, StepFailure):
            self._failed(entry, result.error, result.attempts)
            return False
        entry.sub_runs = result.runs
        return True

    def _done(self, entry: StackEntry, attempts: int) -> None:
        self._state.undone += 1
        entry.undone = self._state.undone
        entry.undo_attempts += attempts
        entry.undo_error = None
        entry.status = EntryStatus.COMPENSATED
        entry.undo_ended_at = self._runtime.now()
        self._runtime.changed()

    def _failed(self, entry: StackEntry, error: ErrorInfo, attempts: int) -> None:
        entry.status = EntryStatus.COMPENSATION_FAILED
        entry.undo_error = self._sizes.cut(error)
        entry.undo_attempts += attempts
        entry.undo_ended_at = self._runtime.now()
        self._runtime.changed()


def reopened(state: SagaState) -> SagaState:
    """The state of a saga that completed, as that of one that is to be undone."""
    return state.model_copy(
        update={
            "status": Status.COMPENSATING,
            "cause": Cause.OPERATOR,
            "done": {},
            "ended_at": None,
            "output": None,
            "revision": 0,
        },
        deep=True,
    )
