"""What a node inherits from the blocks around it, as the interpreter walks inwards.

For the interpreter. Frozen; derived from plan and state alone, so a continued run finds it again.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from pydantic import JsonValue

from rules.execution import ErrorInfo
from rules.plan import PlanNode, StepNode
from rules.wire import Done, Place


@dataclass(frozen=True, slots=True)
class Scope:
    """Loops, included chain, the error that a CATCH or FINALLY was entered with, and the shield.

    `indexes` and `objects` are outermost first; only loops over an iterator have objects. `shield`
    is the path of the innermost FINALLY block.
    """

    chain: str | None = None
    indexes: tuple[int, ...] = ()
    objects: tuple[JsonValue, ...] = ()
    error: ErrorInfo | None = None
    targets: tuple[str, ...] = ()
    shield: str | None = None

    def within_chain(self, chain: str) -> "Scope":
        """Inside an included chain."""
        return replace(self, chain=chain, targets=())

    def in_pass(self, index: int, *objects: JsonValue) -> "Scope":
        """Inside a pass of a loop, with its object if the loop has objects."""
        return replace(self, indexes=(*self.indexes, index), objects=(*self.objects, *objects))

    def after(self, error: ErrorInfo | None) -> "Scope":
        """Inside what runs because something failed."""
        return replace(self, error=error)

    def choosing(self, targets: tuple[str, ...]) -> "Scope":
        """At the head of a SWITCH."""
        return replace(self, targets=targets)

    def shielded(self, path: str, error: ErrorInfo | None) -> "Scope":
        """Inside a FINALLY block."""
        return replace(self, shield=path, error=error)

    def place(self, node: StepNode) -> Place | None:
        """What a step is told of where it stands; None where there is nothing to tell."""
        bind = node.bind or {}
        if not (self.chain or self.indexes or self.objects or self.error or self.targets or bind):
            return None
        return Place(
            chain=self.chain,
            indexes=self.indexes,
            objects=self.objects,
            bind=bind,
            error=self.error,
            targets=self.targets,
        )


class Walk(Protocol):
    """The interpreter's own `walk`, as its parts call it for what stands inside them."""

    def __call__(self, node: PlanNode, path: str, scope: Scope) -> Coroutine[Any, Any, Done]:
        """Run the block at `path` to its end."""
        ...
