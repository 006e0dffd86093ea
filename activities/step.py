"""What a running component is handed: its step, the shared context, deliveries, what it undoes.

For component authors (through `activities.component`) and the binding that makes them. Imports
neither SQL nor Temporal.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, Generic, Literal, TypeAlias, TypeVar, overload

from pydantic import JsonValue
from typing_extensions import TypeVar as TypeVarWithDefault

from activities.answers import noted
from activities.bound import Bound, read_as
from activities.sub_runs import ChainAnswer, ChainCalls
from rules.execution import ErrorInfo
from rules.wire import ContextOperation, Place, delivery_key

OURS: Final = "chainsaga."
NOWHERE: Final = Place()

Data: TypeAlias = object
"""Anything that pydantic writes as JSON."""

T = TypeVar("T")
OutputT = TypeVar("OutputT")
InputT = TypeVarWithDefault("InputT", default=None)


class ContextWrites:
    """Writes to the shared context; they travel with the outcome and apply at completion."""

    def __init__(self, operations: list[ContextOperation] | None = None) -> None:
        self.operations: list[ContextOperation] = [] if operations is None else operations

    def set(self, key: str, value: JsonValue) -> None:
        """Put `value` under `key`."""
        self.operations.append(ContextOperation(op="set", key=key, value=value))

    def delete(self, key: str) -> None:
        """Remove `key`; nothing happens where it is absent."""
        self.operations.append(ContextOperation(op="delete", key=key))

    def add(self, key: str, amount: float) -> None:
        """Add to a number (absent counts as 0); safe from parallel branches.

        Raises ValueError or TypeError for what is no finite number: JSON has no word for it.
        """
        if not isfinite(amount):
            raise ValueError(f"cannot add {amount} to '{key}'")
        self.operations.append(ContextOperation(op="add", key=key, value=amount))

    def append(self, key: str, value: JsonValue) -> None:
        """Append to a list (absent counts as empty); safe from parallel branches."""
        self.operations.append(ContextOperation(op="append", key=key, value=value))


class Context(ContextWrites, Mapping[str, JsonValue]):
    """The whole shared context as of the step's start; a parameter of this type sends all of it."""

    def __init__(
        self, values: Mapping[str, JsonValue], operations: list[ContextOperation] | None = None
    ) -> None:
        super().__init__(operations)
        self._values = {key: value for key, value in values.items() if not key.startswith(OURS)}

    def __getitem__(self, key: str) -> JsonValue:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Delivered:
    """What earlier steps delivered to this component by `step.deliver`, first come, first taken.

    A parameter of this type sends it. What is taken is gone once the step ends, and is there again
    for its next attempt. Steps that run side by side find the same.
    """

    def __init__(self, key: str, items: Sequence[JsonValue], writes: ContextWrites) -> None:
        self._key = key
        self._items = list(items)
        self._writes = writes

    def take(self) -> JsonValue:
        """The first delivery that is left; None when none is."""
        if not self._items:
            return None
        self._writes.operations.append(ContextOperation(op="take", key=self._key))
        return self._items.pop(0)

    def __len__(self) -> int:
        return len(self._items)


@dataclass(slots=True)
class Wishes:
    """What a step wishes of the flow, and what it notes of itself, while it runs."""

    end: bool = False
    note: JsonValue = None


@dataclass(frozen=True, slots=True)
class Step:
    """What a running step may know of itself.

    `key` is the idempotency key, equal in every attempt. `timeout` is this attempt's, in seconds:
    give it to the clients that the step calls. `chain` is the saga's chain. `data` is the text of
    `.data`; `place`, `bound`, `wishes` and `calls` are used through the methods below.
    """

    tenant: str
    execution_id: str
    chain: str
    component: str
    path: str
    tag: str | None
    data: str | None
    attempt: int
    timeout: float
    key: str
    context: ContextWrites = field(default_factory=ContextWrites)
    place: Place = NOWHERE
    bound: Bound = field(default_factory=Bound)
    wishes: Wishes = field(default_factory=Wishes)
    calls: ChainCalls = field(default_factory=ChainCalls)

    @property
    def current_chain(self) -> str:
        """The chain in whose text the step stands: the saga's, or one that it includes."""
        return self.place.chain or self.chain

    @property
    def indexes(self) -> tuple[int, ...]:
        """The passes of the loops around the step, from 0, outermost loop first."""
        return self.place.indexes

    @property
    def index(self) -> int | None:
        """The pass of the innermost loop around the step; None outside of loops."""
        return self.outer_index(0)

    def outer_index(self, levels: int = 1) -> int | None:
        """The pass of the loop so many levels further out; None if there is none."""
        return _from_inside(self.place.indexes, levels)

    @property
    def objects(self) -> tuple[JsonValue, ...]:
        """The objects of the ITERATORs around the step, outermost first; others have none."""
        return self.place.objects

    @property
    def object(self) -> JsonValue:
        """The object of the innermost ITERATOR around the step; None outside of one."""
        return self.outer_object(0)

    def outer_object(self, levels: int = 1) -> JsonValue:
        """The object of the ITERATOR so many ITERATORs further out; None if there is none."""
        return _from_inside(self.place.objects, levels)

    @property
    def error(self) -> ErrorInfo | None:
        """The failure after which the step runs, in the DO of a CATCH or in a FINALLY."""
        return self.place.error

    @property
    def targets(self) -> tuple[str, ...]:
        """For the head of a SWITCH: the ids that it can choose from."""
        return self.place.targets

    def data_as(self, shape: type[T]) -> T | None:
        """The text of `.data` as a type: JSON, or a text that pydantic reads as it.

        None without `.data`. Raises Unreadable.
        """
        if self.data is None:
            return None
        return read_as(f"the data of '{self.component}'", self.data, shape)

    @overload
    def bind(self, key: str) -> JsonValue: ...
    @overload
    def bind(self, key: str, shape: type[T]) -> T | None: ...
    def bind(self, key: str, shape: type[T] | None = None) -> T | JsonValue | None:
        """What `.bind` gives for `key`, on the step or around it; None if nothing does.

        It is a text, and for `${path}` a value of the context, which must be sent to the component:
        `Annotated[int, Bind("key")]` sends it. As a type, where one is given. Raises Unreadable.
        """
        value = self.bound.get(key)
        if value is None or shape is None:
            return value
        return read_as(f"what is bound to '{key}'", value, shape)

    def end(self) -> None:
        """End the whole flow well once this step has completed; FINALLY still runs."""
        self.wishes.end = True

    async def run_chain(self, chain: str, request: Data = None) -> ChainAnswer:
        """Run a chain of this tenant as a saga of its own, and wait for its end.

        It starts with the context as it is now, and what it writes is this step's, once it has
        completed. Another attempt of this step finds the runs of the earlier one, call by call; one
        that failed, and left nothing, it runs again. When this step is undone, so are they.
        A chain that fails, or is unknown, fails nobody but by `answer.or_raise()`.
        Raises ChainCallInvalid, also when an earlier attempt ran something else in this place.
        """
        return await self.calls.run(chain, request)

    def run_chain_blocking(self, chain: str, request: Data = None) -> ChainAnswer:
        """The same for components that are `def` and not `async def`."""
        return self.calls.run_blocking(chain, request)

    def note(self, value: Data) -> None:
        """Keep a value beside the step for whoever looks at it; the last one counts.

        It is data as JSON (anything else by its words), of up to 4 KiB: more is cut.
        """
        self.wishes.note = noted(value)

    def deliver(self, component: str, value: JsonValue) -> None:
        """Hand `value` to the steps of another component, which take it from `Delivered`.

        Arrives when this step ends, as its other writes to the context.
        """
        self.context.append(delivery_key(component), value)


def _from_inside(values: Sequence[T], levels: int) -> T | None:
    return values[-1 - levels] if 0 <= levels < len(values) else None


@dataclass(frozen=True, slots=True)
class Undo(Generic[OutputT, InputT]):
    """What a compensation is told of the step that it undoes.

    `output` is None when the outcome is UNKNOWN: the effect may or may not have happened, and a
    compensation must be harmless if it did not. `input` is given only where declared:
    `Undo[Reservation, DeductInput]`, whose fields are the forward function's parameters.
    `key` is the undo's idempotency key, `forward_key` that of the step.
    """

    tenant: str
    execution_id: str
    component: str
    path: str
    tag: str | None
    outcome: Literal["COMPLETED", "FAILED", "UNKNOWN"]
    output: OutputT | None
    input: InputT
    error: ErrorInfo | None
    attempt: int
    key: str
    forward_key: str
