"""The components of the short chains, which do what the play of their execution says.

The same on both runtimes: a test puts its play under the id of the execution before it starts it.
"""

from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from activities.component import Refused, Step, Undo, component
from rules.plan import Kind
from tests.property.model import Act
from tests.property.shapes import HEADS, STEPS


class Play(Protocol):
    """What the components of one execution do."""

    async def forward(self, path: str) -> bool: ...

    async def backward(self, path: str) -> None: ...


PLAYS: Final[dict[str, Play]] = {}


def _make(id: str, kind: Kind) -> Callable[[Step], Coroutine[object, object, bool]]:
    @component(id, kind=kind, compensate="undo")
    async def play(step: Step) -> bool:
        return await PLAYS[step.execution_id].forward(step.path)

    return play


@component("undo")
async def undo(undo: Undo[bool]) -> None:
    await PLAYS[undo.execution_id].backward(undo.path)


ALL: Final[tuple[Callable[..., object], ...]] = (
    undo,
    *(_make(id, "common") for id in STEPS),
    *(_make(id, "boolean") for id in HEADS),
)


def answer(act: Act) -> bool:
    """Answer as scripted. Raises Refused, and ConnectionError for an answer that is lost."""
    if act == "refuse":
        raise Refused("refused as scripted")
    if act == "error":
        raise ConnectionError("lost as scripted")
    return act == "ok"
