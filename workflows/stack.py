"""The saga stack: what was begun, how it ended, and in which order it is undone.

Pure functions and one small class over `SagaState`; for the interpreter, the undoing and every
view of a saga. Knows no runtime.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue

from rules.execution import EntryStatus, StackEntry
from rules.plan import Plan, StepNode
from rules.wire import PlannedUndo, Produced, SagaState, StepFailure, StepReply, StepRequest


class SagaStack:
    """Writes to the stack of one execution; entries come before their activity is scheduled."""

    def __init__(self, plan: Plan, state: SagaState) -> None:
        self._plan = plan
        self._state = state
        self._wanted = {need.name for c in plan.components.values() for need in c.needs.outputs}

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
        )
        self._state.stack.append(entry)
        return entry

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

    def complete(self, entry: StackEntry, reply: StepReply, now: datetime) -> None:
        """The step answered with success."""
        if entry.compensation and self._plan.components[entry.compensation].needs.undo_output:
            entry.output = reply.output
        self._produce(entry, reply.output)
        entry.error = None
        self._close(entry, EntryStatus.COMPLETED, reply.attempts, now)

    def fail(self, entry: StackEntry, failure: StepFailure, now: datetime) -> None:
        """The step ended without success: FAILED (nothing happened) or UNKNOWN."""
        entry.error = failure.error
        # An outcome that may have happened stays so until a success clears it.
        outcome = "UNKNOWN" if entry.outcome is EntryStatus.UNKNOWN else failure.outcome
        policy = self._plan.components[entry.component]
        # A step that was never attempted has nothing to undo, whatever its component wishes.
        always = policy.compensate_when == "always" and failure.attempts > 0
        if outcome == "FAILED" and not always:
            entry.compensation = None
        self._close(entry, EntryStatus(outcome), failure.attempts, now)

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
    """What is to be undone: ended steps with a compensation, latest completion first."""
    entries = [entry for entry in stack if entry.compensation is not None and entry.ended]
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
            compensation=entry.compensation or "",
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
