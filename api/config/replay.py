"""Runs a plan in memory with the recorded step results of an execution, without any component.

For the preview of a change. Every step answers what it, or one of the same component and tag, was
recorded to have answered; what was never recorded is assumed to succeed, or cannot be known.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from activities.component import component
from activities.registry import Component, Registry
from activities.runner import StepError
from activities.sub_runs import Launcher
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.execution import EntryStatus, ErrorInfo, Execution, StackEntry, Status
from rules.plan import ComponentPolicy, Plan
from rules.wire import AttemptLog, Frost, SagaOptions, StepFailure, StepReply, StepRequest

MOST_STEPS: Final = 5_000
"""So many steps may one replay take; a loop whose end is not recorded would take more."""
_UNDOABLE: Final = SagaOptions(unattended=True, undo_policy="continue")

_Kind = tuple[str, str | None]
"""A component and the tag of its step."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay went. `path` has the steps that ran, by component and tag, in their order.

    `assumed` were not recorded, and taken for successful. `unknown` would have had to be: what
    follows them means nothing.
    """

    execution: Execution
    path: tuple[str, ...]
    assumed: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def completed(self) -> bool:
        """Whether the chain came to its end."""
        return self.execution.status is Status.COMPLETED


@dataclass(slots=True)
class _Records:
    """The attempts of one replay."""

    policies: Mapping[str, ComponentPolicy]
    left: Mapping[_Kind, deque[StackEntry]]
    assumed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    steps: int = 0

    def scripted(self, request: StepRequest) -> Component | None:  # noqa: ARG002
        """None: no script is run either."""
        return None

    async def attempt(
        self,
        component: Component,  # noqa: ARG002 - no component is called
        request: StepRequest,
        number: int,  # noqa: ARG002
        log: AttemptLog,
        launcher: Launcher | None = None,  # noqa: ARG002 - what it ran is part of its result
    ) -> StepReply:
        """What was recorded. Raises StepError for a recorded failure, and for what is unknown."""
        if request.undo is not None:
            return StepReply()
        self.steps += 1
        named = _named(request.component, request.tag)
        if self.steps > MOST_STEPS:
            raise self._not_known("more steps than a replay may take", log)
        entries = self.left.get((request.component, request.tag))
        if entries:
            return _answer(entries.popleft(), log)
        if self.policies[request.component].kind == "common":
            self.assumed.append(named)
            return StepReply()
        raise self._not_known(named, log)

    def _not_known(self, named: str, log: AttemptLog) -> StepError:
        if named not in self.unknown:
            self.unknown.append(named)
        error = ErrorInfo(type="NotRecorded", code="NOT_RECORDED", message=named)
        return StepError(StepFailure(outcome="FAILED", error=error), final=True, log=log)


class _Anyone(Mapping[str, Component]):
    """Stands for every component: none of them is called."""

    def __init__(self) -> None:
        @component("recorded")
        def recorded() -> None:
            """Never called."""

        self._one = Registry([recorded])["recorded"]

    @override
    def __getitem__(self, _id: str) -> Component:
        return self._one

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0


def replay(plan: Plan, recorded: Execution) -> Replayed:
    """Run the plan with the request and results of an execution; takes no real time.

    Not from within an event loop.
    """
    records = _Records(plan.components, _by_step(recorded.stack))

    async def run() -> Execution:
        execution = InMemoryExecution(
            recorded.tenant,
            recorded.execution_id,
            Frost(plan=plan, request=recorded.request, request_sha="", options=_UNDOABLE),
            _Anyone(),
            records,
            clock=VirtualClock(),
        )
        return await execution.run()

    ended = run_virtual(run())
    return Replayed(ended, path_of(ended.stack), tuple(records.assumed), tuple(records.unknown))


def path_of(stack: Iterable[StackEntry]) -> tuple[str, ...]:
    """The steps that ran, in the order in which they began; those left out are no part of it."""
    return tuple(
        _named(entry.component, entry.tag)
        for entry in sorted(stack, key=lambda entry: entry.seq)
        if entry.outcome is not EntryStatus.SKIPPED
    )


def _answer(entry: StackEntry, log: AttemptLog) -> StepReply:
    match entry.outcome:
        case EntryStatus.COMPLETED:
            return StepReply(output=entry.output)
        case EntryStatus.SKIPPED:
            return StepReply(output=entry.output, skipped=entry.output is None)
        case _:
            error = entry.error or ErrorInfo(type="Unknown", code="UNKNOWN", message="no answer")
            refused = entry.outcome is EntryStatus.FAILED
            failure = StepFailure(outcome="FAILED" if refused else "UNKNOWN", error=error)
            raise StepError(failure, final=True, log=log)


def _by_step(stack: Iterable[StackEntry]) -> dict[_Kind, deque[StackEntry]]:
    found: dict[_Kind, deque[StackEntry]] = defaultdict(deque)
    for entry in sorted(stack, key=lambda entry: entry.seq):
        found[entry.component, entry.tag].append(entry)
    return found


def _named(component: str, tag: str | None) -> str:
    return component if tag is None else f"{component}:{tag}"
