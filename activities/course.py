"""The course of one attempt: access, before, the component, after, and whether the flow ends.

For the runner, which judges how it ended. The order is LiteFlow's (EL reference section 5). Knows
neither attempts nor outcomes.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from activities.answers import check_answer, check_size
from activities.binding import Call, Provide, step_of
from activities.errors import BadOutput
from activities.registry import Component
from activities.step import Step
from activities.sub_runs import Launcher
from rules.wire import ContextOperation, StepRequest

_log: Final = logging.getLogger(__name__)

Invoke: TypeAlias = Callable[[Callable[..., object], Mapping[str, object]], Awaitable[object]]
Stage: TypeAlias = Literal["bound", "access", "called", "returned"]


@dataclass(slots=True)
class Course:
    """One attempt under way.

    `stage` says how far it came, `raised` what the component and `after` raised.
    """

    component: Component
    step: Step
    invoke: Invoke
    own: Call
    calls: Mapping[str, Call]
    stage: Stage = "bound"
    raised: list[BaseException] = field(default_factory=list)

    @property
    def operations(self) -> tuple[ContextOperation, ...]:
        """What was written to the context so far, in order."""
        return tuple(self.step.context.operations)

    async def accessible(self) -> bool:
        """Whether the step is to run at all; once it failed to say, `stage` stays `access`."""
        self.stage = "access"
        answer = await self._ask("access", otherwise=True)
        if answer:
            self.stage = "called"
        return answer

    async def run(self) -> JsonValue:
        """Call the component between its hooks; its output. Raises whatever they raise."""
        self.stage = "called"
        try:
            await self._call("before")
            value = await self.invoke(self.component.function, self.own.arguments)
            self.stage = "returned"
            output = self.component.binding.dump(value)
            check_answer(self.component.policy, output)
            await self._call("on_success")
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and cancelling():
                await self._quietly("after")
                raise
            self.raised.append(error)
            await self._quietly("on_error", error)
            await self._after()
            raise
        await self._after()
        check_size(self.component.policy, output, self.operations)
        return output

    async def ends(self) -> bool:
        """Whether the whole flow is to end now."""
        return self.step.wishes.end or await self._ask("end_when", otherwise=False)

    async def goes_on(self, error: BaseException) -> bool:
        """What `continue_on_error` says of an error; False where it fails to say."""
        try:
            return await self._ask("continue_on_error", otherwise=False, error=error)
        except Exception:  # noqa: BLE001 - the step's own error stands
            self._complain("continue_on_error")
            return False

    async def _after(self) -> None:
        try:
            await self._call("after")
        except Exception as error:
            self.raised.append(error)
            raise

    async def _ask(self, name: str, *, otherwise: bool, error: BaseException | None = None) -> bool:
        if name not in self.calls:
            return otherwise
        answer = await self._call(name, error)
        if not isinstance(answer, bool):
            problem = f"{name} answers True or False, not {answer!r:.60}"
            raise BadOutput(self.component.policy.id, problem)
        return answer

    async def _call(self, name: str, error: BaseException | None = None) -> object:
        call = self.calls.get(name)
        if call is None:
            return None
        arguments = call.arguments if error is None else call.after(error)
        return await self.invoke(self.component.hooks[name].function, arguments)

    async def _quietly(self, name: str, error: BaseException | None = None) -> None:
        try:
            await self._call(name, error)
        except Exception:  # noqa: BLE001 - the step's own error stands
            self._complain(name)

    def _complain(self, name: str) -> None:
        words = "%s of '%s' failed, after the step had (%s)"
        _log.warning(words, name, self.component.policy.id, self.step.path, exc_info=True)


def bound_course(
    component: Component,
    request: StepRequest,
    attempt: int,
    provide: Provide,
    *,
    invoke: Callable[[Step], Invoke],
    launcher: Launcher | None = None,
) -> Course:
    """An attempt with everything bound that it may call. Raises BadInput."""
    step = step_of(request, attempt, component.policy.needs, launcher)
    own = component.binding.bind(request, attempt, provide, step)
    calls = {
        name: hook.binding.bind(request, attempt, provide, step)
        for name, hook in component.hooks.items()
    }
    return Course(component, step, invoke(step), own, calls)


def cancelling() -> bool:
    """Whether this attempt is cancelled, and not something that its component waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
