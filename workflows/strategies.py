"""What a step does when its attempts are used up: give up, try another round, ask, or go on.

For the interpreter. Knows nothing of undoing: giving up means that the failure goes up the chain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from pydantic import JsonValue

from rules.decisions import Decision, DecisionRecord, Verdict, Waiting
from rules.execution import StackEntry
from rules.plan import ComponentPolicy, FailurePolicy, FailureStrategy
from rules.wire import Frost, SagaState
from workflows.gate import Gate, Lost, Stopped, Superseded
from workflows.requests import forward_retry
from workflows.runtime import Runtime

MOST_DOUBLINGS: Final = 64


@dataclass(frozen=True, slots=True)
class Again:
    """Run the step once more, attempts counted from one."""


@dataclass(frozen=True, slots=True)
class GoOn:
    """The failure is absorbed; the chain goes on with this output."""

    output: JsonValue = None
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The failure goes up."""


Choice: TypeAlias = Again | GoOn | GiveUp


class Strategies:
    """Chooses for one execution. `announce` tells that its public status may have changed."""

    def __init__(
        self,
        frost: Frost,
        state: SagaState,
        runtime: Runtime,
        gate: Gate,
        announce: Callable[[], None],
    ) -> None:
        self._frost = frost
        self._state = state
        self._runtime = runtime
        self._gate = gate
        self._announce = announce

    async def choose(
        self, entry: StackEntry, policy: ComponentPolicy, shield: str | None = None
    ) -> Choice:
        """What becomes of a failed step. Raises Parked, Stopped or Lost while it waits."""
        on_failure = policy.on_failure
        match on_failure.strategy:
            case FailureStrategy.COMPENSATE:
                return GiveUp()
            case FailureStrategy.IGNORE:
                return GoOn()
            case FailureStrategy.MANUAL:
                return await self._ask(entry, on_failure, shield)
            case FailureStrategy.RETRY:
                return await self._next_round(entry, policy, shield)

    async def _next_round(
        self, entry: StackEntry, policy: ComponentPolicy, shield: str | None
    ) -> Choice:
        on_failure = policy.on_failure
        done = self._state.rounds.get(entry.path, 0)
        if done >= on_failure.rounds:
            if on_failure.afterwards == "MANUAL":
                return await self._ask(entry, on_failure, shield)
            return GiveUp()
        retry = forward_retry(policy)
        # Bounded before it is raised: a large power is no number any more.
        exponent = min(done, MOST_DOUBLINGS)
        longest = max(retry.max_interval, retry.interval)
        pause = min(retry.interval * retry.backoff**exponent, longest)
        try:
            await self._wait(entry, pause, shield, person=False)
        except Superseded:
            return GiveUp()
        self._state.rounds[entry.path] = done + 1
        return Again()

    async def _ask(
        self, entry: StackEntry, on_failure: FailurePolicy, shield: str | None
    ) -> Choice:
        if self._frost.options.unattended:
            return _default(on_failure)
        try:
            decision = await self._wait(entry, on_failure.deadline, shield, person=True)
        except Superseded:
            return GiveUp()
        if decision is None:
            self._record_default(entry, on_failure)
            return _default(on_failure)
        if decision.context:
            self._state.context.update(decision.context)
        if decision.action == "retry":
            return Again()
        return GoOn(output=decision.output, skipped=True)

    async def _wait(
        self, entry: StackEntry, seconds: float, shield: str | None, *, person: bool
    ) -> Decision | None:
        """Wait at the entry's path; a wait that was parked goes on to its old moment."""
        waiting = self._state.waiting.get(entry.path)
        if waiting is None:
            now = self._runtime.now()
            waiting = Waiting(
                path=entry.path,
                component=entry.component,
                since=now,
                until=now + timedelta(seconds=seconds),
                person=person,
            )
            self._state.waiting[entry.path] = waiting
        self._announce()
        summary = f"decision on {entry.component}" if person else f"retry {entry.component}"
        try:
            decision = waiting.answer or await self._gate.wait(
                entry.path, waiting.until, summary, person=person, shield=shield
            )
        except (Stopped, Lost, Superseded):
            self._end_wait(entry)
            raise
        self._end_wait(entry)
        return decision

    def _end_wait(self, entry: StackEntry) -> None:
        self._state.waiting.pop(entry.path, None)
        self._announce()

    def _record_default(self, entry: StackEntry, on_failure: FailurePolicy) -> None:
        self._state.decisions.append(
            DecisionRecord(
                kind="deadline",
                decision_id=f"deadline:{entry.path}",
                operator="chainsaga",
                reason="nobody decided in time",
                step=entry.component,
                action=on_failure.default,
                at=self._runtime.now(),
                verdict=Verdict.ACCEPTED,
                path=entry.path,
            )
        )


def _default(on_failure: FailurePolicy) -> Choice:
    return GoOn(skipped=True) if on_failure.default == "skip" else GiveUp()
