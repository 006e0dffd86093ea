"""The in-memory runtime: the same interpreter, with components called in this process.

For `/api/execute/*`, unit tests and simulation. Not durable; retries and time-outs are counted
here as Temporal would count them. Knows no Temporal.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias, TypeVar

from activities.registry import Component
from activities.runner import StepError
from activities.sub_runs import Launcher
from api.errors import ApiError
from api.inprocess.clock import Clock
from api.inprocess.sub_runs import SubRuns
from rules.execution import ErrorInfo, SubRun
from rules.plan import ComponentPolicy, RetryPolicy
from rules.sub_runs import SubRunsRequest, SubRunsUndone
from rules.wire import AttemptLog, Frost, StepFailure, StepReply, StepRequest

EVENTS_PER_STEP = 6

Answer = TypeVar("Answer")
_Stoppable: TypeAlias = asyncio.Task[StepReply] | asyncio.Task[None]


class Attempts(Protocol):
    """Who carries out single attempts; `activities.runner.Runner` calls components."""

    def scripted(self, request: StepRequest) -> Component | None:
        """The component of a step that runs a script; None for one of the registered ones."""
        ...

    async def attempt(
        self,
        component: Component,
        request: StepRequest,
        number: int,
        log: AttemptLog,
        launcher: Launcher | None = None,
    ) -> StepReply:
        """Attempt `number` of a step. Raises StepError."""
        ...


class AttemptCancelled(ApiError):
    """An attempt was stopped by a decision."""


class InMemoryRuntime:
    """Fulfils `workflows.runtime.Runtime` on an ordinary event loop."""

    def __init__(
        self,
        frost: Frost,
        components: Mapping[str, Component],
        runner: Attempts,
        clock: Clock,
        *,
        published: Callable[[], None] = lambda: None,
        sub_runs: SubRuns | None = None,
    ) -> None:
        self._frost = frost
        self._components = components
        self._runner = runner
        self._clock = clock
        self._published = published
        self._sub_runs = sub_runs
        self._steps = 0
        self._running: dict[_Stoppable, StepRequest] = {}
        self._stopped: set[_Stoppable] = set()

    def now(self) -> datetime:
        """The clock's time."""
        return self._clock.now()

    def should_park(self) -> bool:
        """Whether Temporal's history would have reached the lowered hint, at its usual size."""
        limit = self._frost.options.max_events
        return limit is not None and self._steps * EVENTS_PER_STEP >= limit

    async def step(
        self,
        request: StepRequest,
        policy: ComponentPolicy,
        retry: RetryPolicy,
        *,
        shielded: bool = False,
    ) -> StepReply | StepFailure:
        """Attempt by attempt, as Temporal's server and the activity do it together."""
        self._steps += 1
        component = self._runner.scripted(request) or self._components.get(request.component)
        if component is None:
            return _not_here(request.component)
        log = AttemptLog()
        spared = shielded or request.undo is not None
        pause = retry.interval
        limit = request.answers + request.lost_attempts
        failure = None
        for number in range(1, limit + 1):
            if failure is not None:
                if not await self._pause(pause, request, spared=spared):
                    return await self._cancelled(request, number - 1)
                pause = min(pause * retry.backoff, max(retry.max_interval, retry.interval))
            try:
                return await self._attempt(
                    component, request, number, log, policy.timeout, spared=spared
                )
            except TimeoutError:
                failure = _timed_out(number)
            except AttemptCancelled:
                return await self._cancelled(request, number)
            except StepError as error:
                failure, log = error.failure, error.log
                if error.final:
                    break
        assert failure is not None
        return failure

    async def until(
        self,
        answered: asyncio.Future[Answer],
        moment: datetime | None,
        summary: str,  # noqa: ARG002 - shown by Temporal only
    ) -> bool:
        """Wait for a future on the event loop's own time."""
        seconds = None if moment is None else (moment - self.now()).total_seconds()
        await asyncio.wait([answered], timeout=None if seconds is None else max(seconds, 0.0))
        return answered.done()

    async def undo_runs(self, request: SubRunsRequest) -> SubRunsUndone | StepFailure:
        """Undo what a step has run."""
        if self._sub_runs is None:
            return SubRunsUndone()
        return await self._sub_runs.undo(request.path)

    async def _cancelled(self, request: StepRequest, attempts: int) -> StepFailure:
        """The outcome of a step that was stopped, and its chains with it."""
        if self._sub_runs is None or request.terms is None:
            return _cancelled(attempts)
        await self._sub_runs.cancel(request.path)
        return _cancelled(attempts, self._sub_runs.told(request.path))

    async def _pause(self, seconds: float, request: StepRequest, *, spared: bool) -> bool:
        """Back off before the next attempt; False when a decision stopped the step meanwhile."""
        task = asyncio.create_task(asyncio.sleep(seconds))
        if not spared:
            self._running[task] = request
        try:
            await task
        except asyncio.CancelledError:
            if task not in self._stopped:
                raise
        finally:
            self._running.pop(task, None)
        return task not in self._stopped

    def cancel_running(self, *, callers: bool = False) -> None:
        """Cancel forward steps that run or back off; `callers`: those that run chains."""
        for task, request in self._running.items():
            if request.terms is not None or not callers:
                self._stopped.add(task)
                task.cancel()

    async def _attempt(
        self,
        component: Component,
        request: StepRequest,
        number: int,
        log: AttemptLog,
        limit: float,
        *,
        spared: bool,
    ) -> StepReply:
        """One attempt within its time. Raises TimeoutError, StepError, AttemptCancelled."""
        launcher = self._sub_runs
        task = asyncio.create_task(self._runner.attempt(component, request, number, log, launcher))
        if not spared:
            self._running[task] = request
        try:
            async with asyncio.timeout(limit):
                return await task
        except asyncio.CancelledError:
            if task in self._stopped:
                raise AttemptCancelled from None
            raise
        finally:
            self._running.pop(task, None)

    def changed(self) -> None:
        """Nobody watches a run in memory step by step."""

    async def publish(self) -> None:
        """Tell the one who asked to be told of the saga's changes."""
        self._published()


def _timed_out(attempts: int) -> StepFailure:
    error = ErrorInfo(type="TimeoutError", code="TIMEOUT", message="no answer (START_TO_CLOSE)")
    return StepFailure(outcome="UNKNOWN", error=error, attempts=attempts)


def _cancelled(attempts: int, ran: tuple[SubRun, ...] | None = None) -> StepFailure:
    error = ErrorInfo(type="CancelledError", code="CANCELLED", message="cancelled midway")
    return StepFailure(outcome="UNKNOWN", error=error, attempts=attempts, sub_runs=ran)


def _not_here(component: str) -> StepFailure:
    error = ErrorInfo(
        type="NotFoundError",
        code="STEP_FAILED",
        message=f"component '{component}' is not part of this deployment",
    )
    return StepFailure(outcome="UNKNOWN", error=error)
