"""What an attempt that failed is worth: the outcome so far, and whether another one may be made.

For the runner. Pure; design section 5 says what FAILED and UNKNOWN mean.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from activities.answers import written
from activities.errors import (
    ActivityError,
    BadInput,
    BadOutput,
    ChainCallInvalid,
    EngineDown,
    OutputTooLarge,
    Refused,
    ScriptFailed,
    ScriptInvalid,
    Unreadable,
)
from activities.registry import Component
from activities.sub_runs import ChainFailed
from rules.execution import ErrorInfo
from rules.failures import matches
from rules.sizes import DETAILS_LIMIT, OUTPUT_LIMIT, short
from rules.wire import AttemptLog, ContextOperation, StepFailure, StepRequest

CODE_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Judged:
    """A failure with what the next attempt is told.

    `spent`: the component's own attempts are used up, whatever the chain's `.retry` adds.
    """

    failure: StepFailure
    log: AttemptLog
    final: bool
    spent: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, and what is known of those before it."""

    component: Component
    request: StepRequest
    number: int
    log: AttemptLog

    @property
    def opens_round(self) -> bool:
        """Whether it is the first that may answer in a round of the component's own attempts."""
        return self._used(self.log) % self._own == 0

    def judge(
        self,
        error: BaseException,
        operations: tuple[ContextOperation, ...],
        *,
        barred: bool,
        happened: bool,
        raised: Sequence[BaseException],
        ended: bool,
        note: JsonValue = None,
    ) -> Judged:
        """The outcome so far, after this attempt answered with an error.

        `barred`: the question for access failed. `happened`: the component itself had returned.
        `raised` is what was raised beside `error`.
        """
        refused = barred or not (happened or any(not self._refuses(e) for e in (error, *raised)))
        log = self.log.model_copy(
            update={
                "answered": self.log.answered + 1,
                "unknown": self.log.unknown or not refused,
                "barred": self.log.barred + barred,
                "ended": ended,
            }
        )
        retried = self.component.declaration.retried
        if barred or (retried and not isinstance(error, retried)):
            left = -self._used(log) % self._own
            log = log.model_copy(update={"forgone": log.forgone + left})
        otherwise = "REFUSED" if refused else "STEP_FAILED"
        info = _error_info(error, otherwise="ACCESS_FAILED" if barred else otherwise)
        failure = StepFailure(
            outcome="UNKNOWN" if log.unknown else "FAILED",
            error=info,
            operations=_kept(error, operations),
            attempts=self.number - log.barred,
            note=note,
        )
        pointless = _pointless(error)
        spent = pointless or self._used(log) % self._own == 0
        final = pointless or self._used_up(self._used(log), info)
        return Judged(failure, log, final=final, spent=spent)

    @property
    def _own(self) -> int:
        return self.request.round or self.request.answers

    def _used(self, log: AttemptLog) -> int:
        return log.answered + log.forgone

    def _refuses(self, error: BaseException) -> bool:
        if isinstance(error, ChainFailed):
            # A chain that left nothing, run by a step that does nothing else.
            return self.component.policy.read_only and not error.answer.left
        refusals = (Refused, BadInput, ScriptInvalid, EngineDown)
        return isinstance(error, (*refusals, *self.component.declaration.refuses))

    def _used_up(self, used: int, error: ErrorInfo) -> bool:
        """Whether the step may answer no more; between rounds its EL retry looks at the type."""
        request = self.request
        if used >= request.answers:
            return True
        round_over = request.round is not None and used % request.round == 0
        return round_over and not matches(error, request.retry_types)


def absorbed(component: Component, judged: Judged) -> Judged:
    """The failure of a component that lets the flow go on; a head has no answer to go on with."""
    failure = judged.failure
    if component.policy.kind == "common":
        gone_on = failure.model_copy(update={"absorbed": True})
        return Judged(gone_on, judged.log, final=True, spent=True)
    error, policy = failure.error, component.policy
    words = f"'{policy.id}' goes on after errors, but a {policy.kind} component that fails answers"
    info = error.model_copy(
        update={
            "type": "NoResult",
            "code": "NO_RESULT",
            "message": short(f"{words} nothing: {error.message}"),
            "kinds": (error.type, *error.kinds),
        }
    )
    told = failure.model_copy(update={"error": info})
    return Judged(told, judged.log, final=judged.final, spent=True)


def attempts_lost(component: Component, lost: int, attempts: int) -> StepFailure:
    """The failure of a step of which too many attempts left no answer."""
    message = f"{lost} attempts of '{component.policy.id}' were lost without an answer"
    error = ErrorInfo(type="AttemptsLost", code="ATTEMPTS_LOST", message=message)
    return StepFailure(outcome="UNKNOWN", error=error, attempts=attempts)


def left_too_late(component: Component, attempts: int) -> StepFailure:
    """A step that is not accessible any more, once it may have happened; the flow goes on."""
    message = f"'{component.policy.id}' is not accessible any more, and may have taken effect"
    error = ErrorInfo(type="NotAccessible", code="NOT_ACCESSIBLE", message=message)
    common = component.policy.kind == "common"
    return StepFailure(outcome="UNKNOWN", error=error, attempts=attempts, absorbed=common)


def _kept(
    error: BaseException, operations: tuple[ContextOperation, ...]
) -> tuple[ContextOperation, ...]:
    """What a failed attempt wrote, unless it would not fit: then the failure goes without it."""
    if isinstance(error, OutputTooLarge):
        return ()
    try:
        return operations if written(operations) <= OUTPUT_LIMIT else ()
    except ValueError:
        return ()


def _pointless(error: BaseException) -> bool:
    """Whether another attempt would end the same."""
    misfit = isinstance(error, BadInput | BadOutput | Unreadable | ChainCallInvalid | ScriptInvalid)
    return misfit or (isinstance(error, Refused) and error.final)


def _error_info(error: BaseException, *, otherwise: str) -> ErrorInfo:
    code = getattr(error, "code", None)
    named = error.named if isinstance(error, ScriptFailed) else type(error).__name__
    return ErrorInfo(
        type=short(named, CODE_LIMIT),
        message=short(str(error) or type(error).__name__),
        code=short(code, CODE_LIMIT) if isinstance(code, str) else otherwise,
        details=_json(error.details) if isinstance(error, Refused | ScriptFailed) else {},
        kinds=_all_kinds(error),
    )


def _all_kinds(error: BaseException) -> tuple[str, ...]:
    if isinstance(error, ScriptFailed):
        return tuple(short(kind, CODE_LIMIT) for kind in error.kinds)
    return (*_kinds(type(error)), *(error.kinds if isinstance(error, ChainFailed) else ()))


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
