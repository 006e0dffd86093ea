"""The components of the short chains, which do what the play of their execution says.

The same on both runtimes: a test puts its play under the id of the execution before it starts it.
"""

from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from pydantic import JsonValue

from activities.component import Refused, Step, Undo, component
from rules.plan import Kind
from tests.property.chains import NAMES
from tests.property.model_case import Act, Answer


class Play(Protocol):
    """What the components of one execution do."""

    async def forward(self, path: str) -> Answer: ...

    async def backward(self, path: str) -> None: ...


PLAYS: Final[dict[str, Play]] = {}


def _make(id: str, kind: Kind) -> Callable[[Step], Coroutine[object, object, JsonValue]]:
    @component(id, kind=kind, compensate="undo")
    async def play(step: Step) -> JsonValue:
        answer = await PLAYS[step.execution_id].forward(step.path)
        return list(answer) if isinstance(answer, tuple) else answer

    return play


@component("undo")
async def undo(undo: Undo[JsonValue]) -> None:
    await PLAYS[undo.execution_id].backward(undo.path)


ALL: Final[tuple[Callable[..., object], ...]] = (
    undo,
    *(_make(id, kind) for kind, names in NAMES.items() for id in names),
)


def perform(act: Act) -> None:
    """Do as scripted. Raises Refused, and ConnectionError for an answer that is lost."""
    if act == "refuse":
        raise Refused("refused as scripted")
    if act == "error":
        raise ConnectionError("lost as scripted")
