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
from rules.failures import matches
from rules.sizes import DETAILS_LIMIT, OUTPUT_LIMIT, short
from rules.wire import AttemptLog, ContextOperation, StepFailure, StepReply, StepRequest

CODE_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """What a head must answer with."""

    words: str
    fits: Callable[[JsonValue], bool]


ANSWERS: Final[Mapping[str, Answer]] = {
    "boolean": Answer(
        "a boolean component answers true or false", lambda answer: isinstance(answer, bool)
    ),
    "switch": Answer(
        "a switch component answers with a target's id or tag",
        lambda answer: answer is None or isinstance(answer, str),
    ),
    "for": Answer(
        "a for component answers with a whole number",
        lambda answer: isinstance(answer, int) and not isinstance(answer, bool),
    ),
    "iterator": Answer(
        "an iterator component answers with a list", lambda answer: isinstance(answer, list)
    ),
}


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
    answer = ANSWERS.get(component.policy.kind)
    if answer is not None and not answer.fits(output):
        raise BadOutput(id, f"{answer.words}, not {output!r:.60}")
    try:
        size = _size(output) + _written(operations)
    except ValueError as error:
        raise BadOutput(id, f"it is no JSON: {error}") from error
    if size > OUTPUT_LIMIT:
        raise OutputTooLarge(id, f"{size} bytes, and {OUTPUT_LIMIT} are allowed")


def _written(operations: tuple[ContextOperation, ...]) -> int:
    """Bytes of what is written to the context. Raises ValueError for what is no JSON."""
    return sum(_size(op.value) + len(op.key.encode()) for op in operations)


def _size(value: JsonValue) -> int:
    """Bytes as JSON. Raises ValueError for what is no JSON."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(text.encode())


def _kept(
    error: BaseException, operations: tuple[ContextOperation, ...]
) -> tuple[ContextOperation, ...]:
    """What a failed attempt wrote, unless it would not fit: then the failure goes without it."""
    if isinstance(error, OutputTooLarge):
        return ()
    try:
        return operations if _written(operations) <= OUTPUT_LIMIT else ()
    except ValueError:
        return ()


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
            operations=_kept(error, operations),
            attempts=self.number,
        )
        final = _pointless(error) or self._used_up(log.answered, failure.error)
        return StepError(failure, final=final, log=log)

    def _used_up(self, answered: int, error: ErrorInfo) -> bool:
        """Whether the step may answer no more; between rounds its EL retry looks at the type."""
        request = self.request
        if answered >= request.answers:
            return True
        round_over = request.round is not None and answered % request.round == 0
        return round_over and not matches(error, request.retry_types)


def _pointless(error: BaseException) -> bool:
    """Whether another attempt would end the same."""
    return isinstance(error, BadInput | BadOutput) or (isinstance(error, Refused) and error.final)


def _error_info(error: BaseException, *, refused: bool) -> ErrorInfo:
    code = getattr(error, "code", None)
    return ErrorInfo(
        type=short(type(error).__name__, CODE_LIMIT),
        message=short(str(error) or type(error).__name__),
        code=short(code, CODE_LIMIT)
        if isinstance(code, str)
        else ("REFUSED" if refused else "STEP_FAILED"),
        details=_json(error.details) if isinstance(error, Refused) else {},
        kinds=_kinds(type(error)),
    )


def _kinds(type_: type[BaseException]) -> tuple[str, ...]:
    """The names that a rule may know the type by, beside its own short one."""
    kinds: list[str] = []
    for base in type_.__mro__:
        if base in (Exception, BaseException, ActivityError):
            break
        if base is not type_:
            kinds.append(base.__name__)
        if base.__module__ not in ("builtins", Refused.__module__):
            kinds.append(f"{base.__module__}.{base.__qualname__}")
    return tuple(short(kind, CODE_LIMIT) for kind in kinds)


def _json(details: Mapping[str, object]) -> dict[str, JsonValue]:
    """An author's details as JSON; they must not cost the step its answer."""
    data = cast(
        dict[str, JsonValue],
        to_jsonable_python(details, bytes_mode="base64", fallback=str),
    )
    text = json.dumps(data)
    return data if len(text) <= DETAILS_LIMIT else {"too_large": short(text)}
