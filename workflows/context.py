"""The shared context of one execution with its size: what an answer writes is taken whole or not.

For the count of what a saga carries. Knows no steps and no limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from rules.measuring import json_size
from rules.wire import ContextOperation, SagaState
from rules.writes import apply_operation


@dataclass(frozen=True, slots=True)
class Kept:
    """The context as it was before some writes."""

    values: dict[str, JsonValue]
    sizes: dict[str, int]
    size: int


class SharedContext:
    """Writes to the context of a state; `size` is bytes as JSON."""

    def __init__(self, state: SagaState) -> None:
        self._state = state
        self._sizes = {key: _pair(key, value) for key, value in state.context.items()}
        self.size = 1 + sum(self._sizes.values())

    def write(self, operations: Sequence[ContextOperation]) -> Kept | None:
        """Apply writes in order; what there was before, None where nothing is written."""
        if not operations:
            return None
        kept = Kept(dict(self._state.context), dict(self._sizes), self.size)
        for operation in operations:
            self._apply(operation)
        return kept

    def restore(self, kept: Kept) -> None:
        """Take writes back."""
        self._state.context = kept.values
        self._sizes = kept.sizes
        self.size = kept.size

    def _apply(self, operation: ContextOperation) -> None:
        context, key = self._state.context, operation.key
        present, old = context.get(key), self._sizes.pop(key, 0)
        apply_operation(context, operation)
        self.size -= old
        if key not in context:
            return
        if operation.op == "append" and isinstance(present, list):
            # Not measured anew: a long list grows item by item.
            new = old + json_size(operation.value) + (1 if present else 0)
        elif operation.op == "take" and isinstance(present, list):
            new = old - json_size(present[0]) - 1
        else:
            new = _pair(key, context[key])
        self._sizes[key] = new
        self.size += new


def _pair(key: str, value: JsonValue) -> int:
    """Bytes of one key with its value, a colon and a comma."""
    return json_size(key) + json_size(value) + 2
