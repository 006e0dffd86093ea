"""Run one attempt of a step, and judge its outcome.

For both runtimes: `activities.execute` calls it inside a Temporal activity, the in-memory runtime
calls it directly. It knows neither; who counts time and who retries is the caller's matter.
"""

import asyncio
import contextvars
import inspect
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from activities.binding import Call
from activities.component import Step
from activities.errors import ActivityError, BadInput, BadOutput, OutputTooLarge, Refused
from activities.registry import Component
from rules.execution import ErrorInfo
from rules.wire import AttemptLog, ContextOperation, StepFailure, StepReply, StepRequest

OUTPUT_LIMIT: Final = 256 * 1024
DETAILS_LIMIT: Final = 16 * 1024
MESSAGE_LIMIT: Final = 2_000


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
    """Runs attempts. `executor` runs `def` components; None runs them in place (virtual clock)."""

    provider: Provider
    executor: Executor | None = None

    async def attempt(
        self, component: Component, request: StepRequest, number: int, log: AttemptLog
    ) -> StepReply:
        """Attempt `number` (from 1) of `request`; `log` tells of the attempts before it.

        Raises StepError with the outcome so far: FAILED only if every attempt was refused
        (design section 5). An attempt that left no answer makes the outcome UNKNOWN until a
        success clears it; too many lost ones end the step before its function is called again.
        """
        lost = number - 1 - log.answered
        log = AttemptLog(answered=log.answered, unknown=log.unknown or lost > 0)
        if lost > request.lost_attempts:
            error = ErrorInfo(
                type="AttemptsLost",
                code="ATTEMPTS_LOST",
                message=f"{lost} attempts of '{component.policy.id}' were lost without an answer",
            )
            raise StepError(
                StepFailure(outcome="UNKNOWN", error=error, attempts=number), final=True, log=log
            )
        call: Call | None = None
        try:
            call = component.binding.bind(request, number, self.provider)
            value = await self._call(component.function, call.arguments)
            output = component.binding.dump(value)
            _check(component, output, _operations(call))
        # Whatever a component raises is an answer to be judged, never to be lost.
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _cancelling():
                raise
            attempt = _Attempt(component, request, number, log)
            raise attempt.judge(error, _operations(call)) from error
        return StepReply(output=output, operations=_operations(call), attempts=number)

    async def _call(
        self, function: Callable[..., object], arguments: Mapping[str, object]
    ) -> object:
        if inspect.iscoroutinefunction(function):
            return await function(**arguments)
        if self.executor is None:
            return function(**arguments)
        context = contextvars.copy_context()
        called = asyncio.get_running_loop().run_in_executor(
            self.executor, lambda: context.run(_in_thread, function, arguments)
        )
        try:
            return await asyncio.shield(called)
        except asyncio.CancelledError:
            # A thread cannot be stopped: an undo must not begin before it has ended.
            await asyncio.wait([called])
            raise


def _in_thread(function: Callable[..., object], arguments: Mapping[str, object]) -> object:
    try:
        return function(**arguments)
    except StopIteration as error:
        # A future cannot carry it: the step would wait until its time-out.
        raise RuntimeError(f"'{function.__name__}' raised StopIteration") from error


def _cancelling() -> bool:
    """Whether this attempt is cancelled, and not something that its component waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _operations(call: Call | None) -> tuple[ContextOperation, ...]:
    if call is None:
        return ()
    step: Step = call.step
    return (*step.context.operations, *(op for c in call.contexts for op in c.operations))


def _check(
    component: Component, output: JsonValue, operations: tuple[ContextOperation, ...]
) -> None:
    id = component.policy.id
    if component.policy.kind == "boolean" and not isinstance(output, bool):
        raise BadOutput(id, f"a boolean component answers true or false, not {output!r:.60}")
    try:
        size = _size(output) + sum(_size(operation.value) for operation in operations)
    except ValueError as error:
        raise BadOutput(id, f"it is no JSON: {error}") from error
    if size > OUTPUT_LIMIT:
        raise OutputTooLarge(id, f"{size} bytes, and {OUTPUT_LIMIT} are allowed")


def _size(value: JsonValue) -> int:
    """Bytes as JSON. Raises ValueError for what is no JSON."""
    return len(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt, and what is known of those before it."""

    component: Component
    request: StepRequest
    number: int
    log: AttemptLog

    def judge(self, error: BaseException, operations: tuple[ContextOperation, ...]) -> StepError:
        """The outcome so far, after this attempt answered with an error."""
        refused = isinstance(error, (Refused, BadInput, *self.component.declaration.refuses))
        log = AttemptLog(answered=self.log.answered + 1, unknown=self.log.unknown or not refused)
        failure = StepFailure(
            outcome="UNKNOWN" if log.unknown else "FAILED",
            error=_error_info(error, refused=refused),
            operations=() if isinstance(error, OutputTooLarge) else operations,
            attempts=self.number,
        )
        final = _pointless(error) or log.answered >= self.request.answers
        return StepError(failure, final=final, log=log)


def _pointless(error: BaseException) -> bool:
    """Whether another attempt would end the same."""
    return isinstance(error, BadInput | BadOutput) or (isinstance(error, Refused) and error.final)


def _error_info(error: BaseException, *, refused: bool) -> ErrorInfo:
    code = getattr(error, "code", None)
    return ErrorInfo(
        type=type(error).__name__,
        message=_short(str(error) or type(error).__name__),
        code=code if isinstance(code, str) else ("REFUSED" if refused else "STEP_FAILED"),
        details=_json(error.details) if isinstance(error, Refused) else {},
    )


def _json(details: Mapping[str, object]) -> dict[str, JsonValue]:
    """An author's details as JSON; they must not cost the step its answer."""
    data = cast(
        dict[str, JsonValue],
        to_jsonable_python(details, bytes_mode="base64", fallback=str),
    )
    text = json.dumps(data)
    return data if len(text) <= DETAILS_LIMIT else {"too_large": _short(text)}


def _short(words: str) -> str:
    """Words that fit a failure in Temporal's history."""
    return words if len(words) <= MESSAGE_LIMIT else words[:MESSAGE_LIMIT] + " …"
