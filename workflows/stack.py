"""The saga stack: what was begun, how it ended, and in which order it is undone.

Pure functions and one small class over `SagaState`; for the interpreter, the undoing and every
view of a saga. Knows no runtime.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from rules.execution import EntryStatus, StackEntry
from rules.plan import Plan, StepNode
from rules.wire import (
    UNDO_RUNS_ACTIVITY,
    PlannedUndo,
    Produced,
    SagaState,
    StepFailure,
    StepReply,
    StepRequest,
)
from workflows.paths import pass_of

FEW: Final = 32
"""So many outputs are kept without asking which of them are still needed."""


class SagaStack:
    """Writes to the stack of one execution; entries come before their activity is scheduled."""

    def __init__(self, plan: Plan, state: SagaState) -> None:
        self._plan = plan
        self._state = state
        components = plan.components
        self._crowded = FEW
        self._wanted = {need.name for c in components.values() for need in c.needs.outputs}
        self._undos_want = {
            need.name
            for component in components.values()
            if (undo := components.get(component.compensate or ""))
            for need in undo.needs.outputs
        }

    def push(self, node: StepNode, path: str, now: datetime) -> StackEntry:
        """A new entry, RUNNING."""
        policy = self._plan.components[node.component]
        entry = StackEntry(
            seq=len(self._state.stack) + 1,
            path=path,
            component=node.component,
            tag=node.tag,
            status=EntryStatus.RUNNING,
            compensation=None if policy.read_only else policy.compensate,
            read_only=policy.read_only,
            started_at=now,
            name=policy.name,
            sub_runs=() if policy.runs_chains else None,
        )
        self._state.stack.append(entry)
        return entry

    def note(self, name: str, path: str, now: datetime) -> None:
        """A head that is a literal: nothing runs, but readers see it among the steps."""
        self._state.stack.append(
            StackEntry(
                seq=len(self._state.stack) + 1,
                path=path,
                component=name,
                status=EntryStatus.COMPLETED,
                outcome=EntryStatus.COMPLETED,
                read_only=True,
                attempts=1,
                started_at=now,
                ended_at=now,
            )
        )

    def keep_input(self, entry: StackEntry, request: StepRequest) -> None:
        """Keep what the step is given, where its compensation declares it."""
        if entry.compensation and self._plan.components[entry.compensation].needs.undo_input:
            needs = self._plan.components[entry.component].needs
            given: dict[str, JsonValue] = {
                parameter: _from_request(request, source)
                for parameter, source in needs.inputs.items()
            }
            entry.input = given

    def reopen(self, entry: StackEntry) -> None:
        """The step runs again, in another round."""
        policy = self._plan.components[entry.component]
        entry.compensation = None if policy.read_only else policy.compensate
        entry.status = EntryStatus.RUNNING

    def skip(self, entry: StackEntry, output: JsonValue) -> None:
        """Somebody put an output in the step's place; what may have happened stays."""
        entry.status = EntryStatus.SKIPPED
        self._produce(entry, output)

    def leave_out(self, entry: StackEntry, now: datetime) -> None:
        """The step was not accessible: it did nothing. What an earlier round did stays."""
        if entry.outcome is EntryStatus.UNKNOWN:
            entry.status = EntryStatus.SKIPPED
            return
        entry.compensation = None
        entry.error = None
        self._close(entry, EntryStatus.SKIPPED, 0, now)

    def complete(
        self, entry: StackEntry, reply: StepReply, now: datetime, *, produce: bool = True
    ) -> None:
        """The step answered with success; `produce` gives its output to later steps."""
        if entry.compensation and self._plan.components[entry.compensation].needs.undo_output:
            entry.output = reply.output
        if produce:
            self._produce(entry, reply.output)
        entry.error = None
        _keep_beside(entry, reply)
        self._close(entry, EntryStatus.COMPLETED, reply.attempts, now)

    def fail(self, entry: StackEntry, failure: StepFailure, now: datetime) -> None:
        """The step ended without success: FAILED (nothing happened) or UNKNOWN."""
        entry.error = failure.error
        _keep_beside(entry, failure)
        # An outcome that may have happened stays so until a success clears it.
        outcome = "UNKNOWN" if entry.outcome is EntryStatus.UNKNOWN else failure.outcome
        policy = self._plan.components[entry.component]
        # A step that was never attempted has nothing to undo, whatever its component wishes.
        always = policy.compensate_when == "always" and failure.attempts > 0
        if outcome == "FAILED" and not always:
            entry.compensation = None
        self._close(entry, EntryStatus(outcome), failure.attempts, now)

    def compact(self, loop: str, index: int) -> None:
        """Keep, of the outputs that passes of a loop up to `index` gave, the last of each kind.

        But not of what a compensation asks for: it is given the output of its own pass.
        """
        if len(self._state.produced) < self._crowded:
            return
        kept: list[Produced] = []
        seen: dict[tuple[str, str | None], bool] = {}
        for item in reversed(self._state.produced):
            number = pass_of(item.path, loop)
            free = number is not None and number <= index
            kind = (item.component, item.tag)
            if not free or item.component in self._undos_want or kind not in seen:
                kept.append(item)
            if free:
                seen[kind] = True
        if len(kept) < len(self._state.produced):
            self._state.produced[:] = reversed(kept)
        # Seldom enough that a long loop pays little for it.
        self._crowded = 2 * len(kept) + FEW

    def _produce(self, entry: StackEntry, output: JsonValue) -> None:
        if entry.component in self._wanted:
            self._state.produced.append(
                Produced(path=entry.path, component=entry.component, tag=entry.tag, value=output)
            )

    def _close(self, entry: StackEntry, status: EntryStatus, attempts: int, now: datetime) -> None:
        self._state.ended += 1
        entry.ended = self._state.ended
        entry.status = entry.outcome = status
        entry.attempts += attempts
        entry.ended_at = now


def undo_order(stack: Sequence[StackEntry]) -> list[StackEntry]:
    """What is to be undone, the latest completion first."""
    entries = [entry for entry in stack if entry.to_undo]
    return sorted(entries, key=lambda entry: entry.ended, reverse=True)


def planned_undos(stack: Sequence[StackEntry]) -> list[PlannedUndo]:
    """The undo plan of an execution: what would be undone now; running steps are left out."""
    pending = (
        entry
        for entry in undo_order(stack)
        if not entry.status.undo_began and entry.status is not EntryStatus.RUNNING
    )
    return [
        PlannedUndo(
            order=order,
            path=entry.path,
            component=entry.component,
            compensation=entry.compensation or UNDO_RUNS_ACTIVITY,
            outcome=entry.outcome or "",
            output=entry.output,
            input=entry.input,
        )
        for order, entry in enumerate(pending, start=1)
    ]


def _from_request(request: StepRequest, source: str) -> JsonValue:
    place, _, key = source.partition(":")
    if place == "request":
        return request.request
    return (request.outputs if place == "output" else request.context).get(key)


def _keep_beside(entry: StackEntry, answer: StepReply | StepFailure) -> None:
    """What an answer tells beside its output. Who was lost tells nothing of what it ran."""
    entry.note = answer.note
    if answer.sub_runs is not None:
        entry.sub_runs = answer.sub_runs
