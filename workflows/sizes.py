"""What one execution carries, counted as it grows, so that each size limit is one comparison.

For the saga and its parts. What crosses a limit becomes the failure of a step, never a command
for which Temporal would terminate the run (design section 5, ADR 18). Knows no runtime.
"""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import JsonValue

from rules.decisions import Decision
from rules.execution import ErrorInfo, StackEntry
from rules.measuring import json_size
from rules.sizes import (
    CARRIED_LIMIT,
    COMPENSABLE_LIMIT,
    CONTEXT_LIMIT,
    INPUT_LIMIT,
    OUTPUT_LIMIT,
    UNDO_INPUT_LIMIT,
    short,
)
from rules.wire import ContextOperation, Frost, SagaState, StepFailure, StepReply, StepRequest
from workflows.context import SharedContext

ENTRY: Final = 64
"""Bytes that a step's own fields come to, compressed among others, without its names."""
PLAIN_ENTRY: Final = 450
"""The same before it is compressed."""
WINDOW: Final = 24 * 1024
"""Names that come again within so many bytes cost nothing: compression finds them there."""
ENVELOPE: Final = 4 * 1024
"""More than the keys, names and numbers of a request take."""
TEXT_FACTOR: Final = 6
"""Bytes that one character takes in JSON at most."""
CUT_MESSAGE: Final = 200
ANSWER_COPIES: Final = 3
"""Where a skipped step's output is kept: the decision, the outputs, the finished block."""


class TooLarge(Exception):
    """A request that must not be sent."""

    def __init__(self, code: str, message: str) -> None:
        self.error = ErrorInfo(type="TooLarge", code=code, message=message)
        super().__init__(message)


class Sizes:
    """Counts for one run; what earlier runs left is counted once, at the start.

    The count never falls below what continues as new, compressed: values count in full, the
    fields of entries by `ENTRY`. It may be above it, and is made exact before anything is refused.
    """

    def __init__(self, frost: Frost, state: SagaState) -> None:
        self._state = state
        self._components = frost.plan.components
        self._wanted = {n.name for c in self._components.values() for n in c.needs.outputs}
        self._request = json_size(frost.request)
        self._frozen = self._request + json_size(frost.plan)
        self._context = SharedContext(state)
        self._largest = max((json_size(one.value) for one in state.produced), default=0)
        self._output = 0
        around = sum(PLAIN_ENTRY + 2 * len(id) for id in self._components)
        self._names_far_apart = around > WINDOW
        self._carried = self._count()

    def check_step(self, entry: StackEntry, request: StepRequest) -> None:
        """Whether a forward step may start; it is counted then. Raises TooLarge."""
        keeps = self._undo_declares(entry, "input")
        size = self._most(request)
        if keeps or size > INPUT_LIMIT:
            size = json_size(request)
        if size > INPUT_LIMIT:
            words = f"the input of '{entry.component}' has {size} bytes"
            raise TooLarge("INPUT_TOO_LARGE", f"{words}, and {INPUT_LIMIT} are allowed")
        more = self._weight(entry) + (size if keeps else 0)
        limit = CARRIED_LIMIT if entry.compensation is None else COMPENSABLE_LIMIT
        if not self._has_room(more, limit):
            words = (
                f"the saga carries {self._carried} bytes from run to run, and '{entry.component}'"
            )
            raise TooLarge("STACK_TOO_LARGE", f"{words} would add {more}; {limit} are allowed")
        self._carried += more

    def check_undo(self, entry: StackEntry, request: StepRequest) -> None:
        """Whether an undo can be sent. Raises TooLarge."""
        size = json_size(request)
        if size > UNDO_INPUT_LIMIT:
            words = f"the input of '{entry.compensation}' has {size} bytes, and {UNDO_INPUT_LIMIT}"
            raise TooLarge("INPUT_TOO_LARGE", f"{words} are allowed; undo by hand, and skip it")

    def admit(self, entry: StackEntry, result: StepReply | StepFailure) -> StepReply | StepFailure:
        """Apply what an answer writes to the context, and count it; or the failure in its place.

        A step whose answer does not fit has happened all the same: its outcome is UNKNOWN.
        """
        more = _present(result.note, result.sub_runs or None)
        if isinstance(result, StepReply):
            more += self._more(entry, result.output)
        objection = self._write(result.operations, more)
        if objection is not None:
            result = _unkept(entry, result, *objection)
        if isinstance(result, StepFailure):
            return result.model_copy(update={"error": self.cut(result.error)})
        return result

    def cut(self, error: ErrorInfo) -> ErrorInfo:
        """The error as it is kept, counted: whole while there is room, else its first words."""
        # A failure on its way up stands beside the entry that it came from.
        more = 2 * json_size(error)
        if not self._has_room(more, CARRIED_LIMIT):
            words = short(error.message, CUT_MESSAGE)
            error = error.model_copy(update={"message": words, "details": {}})
            more = 2 * json_size(error)
        self._carried += more
        return error

    def take(self, decision: Decision, *, undoing: bool) -> str | None:
        """Merge a decision's context and count its output; or why that cannot be."""
        output = 0 if decision.output is None else json_size(decision.output)
        if output > OUTPUT_LIMIT:
            return f"the output has {output} bytes, and {OUTPUT_LIMIT} are allowed"
        if undoing:
            return None
        merged = (decision.context or {}).items()
        writes = [ContextOperation(op="set", key=key, value=value) for key, value in merged]
        objection = self._write(writes, ANSWER_COPIES * output)
        self._largest = max(output, self._largest)
        return None if objection is None else objection[1]

    def _write(self, operations: Sequence[ContextOperation], more: int) -> tuple[str, str] | None:
        """Apply writes and count them with `more`; or code and words of why neither was done."""
        before = self._context.size
        kept = self._context.write(operations)
        size = self._context.size
        grown = more + size - before
        objection = None
        if size > CONTEXT_LIMIT and size > before:
            words = f"the context would have {size} bytes, and {CONTEXT_LIMIT} are allowed"
            objection = ("CONTEXT_TOO_LARGE", words)
        elif not self._has_room(grown, CARRIED_LIMIT, written=size - before):
            words = f"the saga would carry more than {CARRIED_LIMIT} bytes from run to run"
            objection = ("STACK_TOO_LARGE", words)
        if objection is None:
            self._carried += grown
        elif kept is not None:
            self._context.restore(kept)
        return objection

    def _has_room(self, more: int, limit: int, *, written: int = 0) -> bool:
        """Whether `more` fits, of which `written` stands in the context already."""
        if more > 0 and self._carried + more > limit:
            self._carried = self._count() - written
        return more <= 0 or self._carried + more <= limit

    def _more(self, entry: StackEntry, output: JsonValue) -> int:
        """What an output adds: as the last one, for later steps, for its own undo."""
        size = json_size(output)
        wanted = entry.component in self._wanted
        if wanted:
            self._largest = max(size, self._largest)
        grown = max(size - self._output, 0)
        self._output += grown
        return grown + size * (wanted + self._undo_declares(entry, "output"))

    def _most(self, request: StepRequest) -> int:
        """More than the request's size, without measuring it."""
        names = len(request.data or "") + len(request.tag or "") + sum(map(len, request.outputs))
        most = ENVELOPE + TEXT_FACTOR * names + len(request.outputs) * self._largest
        if request.script is not None:
            most += TEXT_FACTOR * len(request.script.text)
        if request.request is not None:
            most += self._request
        if request.context:
            most += self._context.size
        return most

    def _weight(self, entry: StackEntry) -> int:
        """What an entry comes to: of its path half, since its neighbours' are much alike."""
        named = 0
        if self._names_far_apart:
            names = (entry.component, entry.tag, entry.compensation)
            named = sum(len(name.encode()) for name in names if name)
        return ENTRY + len(entry.path) // 2 + named

    def _undo_declares(self, entry: StackEntry, part: Literal["input", "output"]) -> bool:
        if entry.compensation is None:
            return False
        needs = self._components[entry.compensation].needs
        return needs.undo_input if part == "input" else needs.undo_output

    def _count(self) -> int:
        state = self._state
        self._output = json_size(state.output)
        total = self._frozen + self._context.size + self._output
        for entry in state.stack:
            total += self._weight(entry)
            # A long stack is counted anew in every run, and most entries keep none of these.
            for kept in (entry.input, entry.output, entry.error, entry.undo_error, entry.note):
                if kept is not None:
                    total += json_size(kept)
            total += _present(entry.sub_runs or None)
        for one in state.produced:
            total += ENTRY + json_size(one.value)
        for done in state.done.values():
            total += _present(done.value, done.failure)
        for waiting in state.waiting.values():
            total += _present(waiting.answer)
        return total


def _present(*values: object) -> int:
    return sum(json_size(value) for value in values if value is not None)


def _unkept(
    entry: StackEntry, result: StepReply | StepFailure, code: str, words: str
) -> StepFailure:
    """The failure in place of an answer that does not fit; one that has failed keeps its reason."""
    if isinstance(result, StepFailure):
        told = f"{result.error.message} (what it wrote to the context is lost: {words})"
        error = result.error.model_copy(update={"message": told})
        # What a step ran is remembered whatever its size: it may have to be undone.
        return result.model_copy(update={"error": error, "operations": (), "note": None})
    message = f"'{entry.component}' has answered, but {words}"
    error = ErrorInfo(type="TooLarge", code=code, message=message)
    return StepFailure(
        outcome="UNKNOWN", error=error, attempts=result.attempts, sub_runs=result.sub_runs
    )
