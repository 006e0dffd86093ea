"""Run one attempt of a step, and tell how it ended.

For both runtimes: `activities.execute` calls it inside a Temporal activity, the in-memory runtime
calls it directly. It knows neither; who counts time and who retries is the caller's matter.
"""

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from activities.course import Course, Invoke, bound_course, cancelling
from activities.errors import ActivityError
from activities.judgement import Attempt, Judged, absorbed, attempts_lost, left_too_late
from activities.registry import Component
from activities.step import Step
from activities.sub_runs import Launcher
from rules.wire import AttemptLog, StepFailure, StepReply, StepRequest

if TYPE_CHECKING:
    from activities.scripts.engine import ScriptEngines


@dataclass(slots=True)
class Provider:
    """Makes what components declare with `Provided`, once per process; overrides come first."""

    overrides: Mapping[Callable[[], object], object] = field(default_factory=dict)
    _made: dict[Callable[[], object], object] = field(default_factory=dict)

    def __call__(self, provide: Callable[[], object]) -> object:
        """The value for one provider function."""
        if provide in self.overrides:
            return self.overrides[provide]
        if provide not in self._made:
            self._made[provide] = provide()
        return self._made[provide]


class StepError(ActivityError):
    """An attempt failed; `final` when no further attempt may be made."""

    def __init__(self, failure: StepFailure, *, final: bool, log: AttemptLog) -> None:
        self.failure = failure
        self.final = final
        self.log = log
        super().__init__(failure.error.message)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs attempts. `executor` runs `def` functions; None runs them in place (virtual clock).

    `engines` run scripts; without them there are none.
    """

    provider: Provider
    executor: Executor | None = None
    engines: "ScriptEngines | None" = None

    def scripted(self, request: StepRequest) -> Component | None:
        """The component of a step that runs a script; None for others."""
        if self.engines is None:
            return None
        # The simulation has no engines, and shall not wait for what they need to be imported.
        from activities.scripts.component import script_component

        return script_component(self.engines, request)

    async def attempt(
        self,
        component: Component,
        request: StepRequest,
        number: int,
        log: AttemptLog,
        launcher: Launcher | None = None,
    ) -> StepReply:
        """Attempt `number` (from 1) of `request`; `log` tells of the attempts before it.

        `launcher` finds and starts the chains that the step runs; the attempt ends after them.

        Raises StepError with the outcome so far: FAILED only if every attempt was refused
        (design section 5). An attempt that left no answer makes the outcome UNKNOWN until a
        success clears it; too many lost ones end the step before its function is called again.
        """
        lost = number - 1 - log.answered
        log = log.model_copy(update={"unknown": log.unknown or lost > 0})
        if lost > request.lost_attempts:
            failure = attempts_lost(component, lost, number - log.barred)
            raise StepError(failure, final=True, log=log)
        attempt = Attempt(component, request, number, log)
        course: Course | None = None
        try:
            provider, invoke = self.provider, partial(self._invoke, component)
            course = bound_course(
                component, request, number, provider, invoke=invoke, launcher=launcher
            )
            reply = await _follow(course, attempt)
            ran = await course.step.calls.settle()
        # Whatever a component raises is an answer to be judged, never to be lost.
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelling():
                if course is not None:
                    course.step.calls.abandon()
                raise
            judged = await _judge(attempt, course, error)
            failure = await _with_runs(judged.failure, course)
            raise StepError(failure, final=judged.final, log=judged.log) from error
        if reply is None:
            failure = left_too_late(component, number - 1 - log.barred)
            raise StepError(failure, final=True, log=log)
        return reply if ran is None else reply.model_copy(update={"sub_runs": ran})

    def _invoke(self, component: Component, step: Step) -> Invoke:
        """How the functions of one attempt are called. One that waits for chains has a thread of
        its own: the shared ones are for those that it waits for.
        """
        step.calls.begin()

        async def call(function: Callable[..., object], arguments: Mapping[str, object]) -> object:
            if inspect.iscoroutinefunction(function):
                return await function(**arguments)
            if self.executor is None:
                return function(**arguments)
            if not component.policy.runs_chains:
                return await _on_thread(self.executor, step, function, arguments)
            own = ThreadPoolExecutor(1, "caller")
            try:
                return await _on_thread(own, step, function, arguments)
            finally:
                own.shutdown(wait=False)

        return call


async def _on_thread(
    executor: Executor, step: Step, function: Callable[..., object], arguments: Mapping[str, object]
) -> object:
    context = contextvars.copy_context()
    called = asyncio.get_running_loop().run_in_executor(
        executor, lambda: context.run(_in_thread, function, arguments)
    )
    try:
        return await asyncio.shield(called)
    except asyncio.CancelledError:
        # A thread cannot be stopped: an undo must not begin before it has ended.
        step.calls.abandon()
        await asyncio.wait([called])
        if not called.cancelled():
            called.exception()  # looked at: nobody else will
        raise


async def _with_runs(failure: StepFailure, course: Course | None) -> StepFailure:
    """The failure with what the step ran, which may have more effects than itself."""
    ran = await course.step.calls.settle() if course is not None else None
    return failure if ran is None else failure.model_copy(update={"sub_runs": ran})


async def _follow(course: Course, attempt: Attempt) -> StepReply | None:
    """The reply of an attempt that goes well; None for one that comes too late to be left out.

    An undo is never left out, and ends nothing.
    """
    forward = attempt.request.undo is None
    course.step.wishes.end = attempt.log.ended and not attempt.opens_round
    if forward and attempt.opens_round and not await course.accessible():
        end = await course.ends()
        if attempt.log.unknown and not course.component.policy.read_only:
            return None
        return StepReply(
            operations=course.operations, attempts=attempt.number, skipped=True, end=end
        )
    output = await course.run()
    end = forward and await course.ends()
    return StepReply(
        output=output,
        operations=course.operations,
        attempts=attempt.number - attempt.log.barred,
        end=end,
        note=course.step.wishes.note,
    )


async def _judge(attempt: Attempt, course: Course | None, error: BaseException) -> Judged:
    judged = attempt.judge(
        error,
        course.operations if course else (),
        barred=course is not None and course.stage == "access",
        happened=course is not None and course.stage == "returned",
        raised=course.raised if course else (),
        ended=course is not None and course.step.wishes.end,
        note=course.step.wishes.note if course else None,
    )
    if not judged.spent or attempt.request.undo is not None:
        return judged
    component = attempt.component
    goes_on = component.declaration.continue_on_error is True
    if goes_on or (course is not None and await course.goes_on(error)):
        return absorbed(component, judged)
    return judged


def _in_thread(function: Callable[..., object], arguments: Mapping[str, object]) -> object:
    try:
        return function(**arguments)
    except StopIteration as error:
        # A future cannot carry it: the step would wait until its time-out.
        raise RuntimeError(f"'{function.__name__}' raised StopIteration") from error
