"""The author's API: declare a Python function as a component of chains.

For component authors, whose modules import nothing else of chainsaga. It imports neither SQL nor
Temporal, so that a component can be read, typed and tested without them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Final, Generic, Literal, ParamSpec, TypeVar

from pydantic import JsonValue
from typing_extensions import TypeVar as TypeVarWithDefault

from activities.errors import Refused
from rules.execution import ErrorInfo
from rules.plan import FailurePolicy, FailureStrategy, Kind, RetryPolicy
from rules.wire import ContextOperation

__all__ = [
    "Context",
    "Ctx",
    "OnFailure",
    "Output",
    "Provided",
    "Refused",
    "Retry",
    "Step",
    "Strategy",
    "Undo",
    "component",
    "minutes",
    "seconds",
]

DECLARATION: Final = "__chainsaga_component__"

Retry = RetryPolicy
OnFailure = FailurePolicy
Strategy = FailureStrategy

COMPENSATE: Final = FailurePolicy()

P = ParamSpec("P")
R = TypeVar("R")
OutputT = TypeVar("OutputT")
InputT = TypeVarWithDefault("InputT", default=None)


def seconds(amount: float) -> float:
    """`amount` seconds, as every duration here is given."""
    return float(amount)


def minutes(amount: float) -> float:
    """`amount` minutes in seconds."""
    return float(amount) * 60


@dataclass(frozen=True, slots=True)
class Output:
    """Binds a parameter to an earlier step's output: `Annotated[Order, Output("createOrder")]`.

    The last completed occurrence counts; `tag` chooses among several of one component.
    """

    component: str
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Ctx:
    """Binds a parameter to one key of the shared context: `Annotated[int, Ctx("total")]`."""

    key: str


@dataclass(frozen=True, slots=True)
class Provided:
    """Binds a parameter to something that the process provides, such as a database.

    `provide` is called once per process, at the first use; tests and `worker.py` may give another
    provider for it.
    """

    provide: Callable[[], object]


class ContextWrites:
    """Writes to the shared context; they travel with the outcome and apply at completion."""

    def __init__(self) -> None:
        self.operations: list[ContextOperation] = []

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

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        super().__init__()
        self._values = dict(values)

    def __getitem__(self, key: str) -> JsonValue:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True, slots=True)
class Step:
    """What a running step may know of itself.

    `key` is the idempotency key, equal in every attempt. `timeout` is this attempt's, in seconds:
    give it to the clients that the step calls.
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


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@component` says of a function; the registry turns it into a component."""

    id: str
    kind: Kind
    name: str | None
    compensate: str | None
    compensate_when: Literal["unknown", "always"]
    retry: RetryPolicy | None
    on_failure: FailurePolicy
    timeout: float
    heartbeat: float
    read_only: bool
    irreversible: bool
    idempotent: bool
    lost_attempts: int | None
    refuses: tuple[type[BaseException], ...]


def component(
    id: str,
    *,
    kind: Kind = "common",
    name: str | None = None,
    compensate: str | None = None,
    compensate_when: Literal["unknown", "always"] = "unknown",
    retry: RetryPolicy | None = None,
    on_failure: FailurePolicy = COMPENSATE,
    timeout: float = 60.0,
    heartbeat: float = 15.0,
    read_only: bool | None = None,
    irreversible: bool = False,
    idempotent: bool = True,
    lost_attempts: int | None = None,
    refuses: tuple[type[BaseException], ...] = (),
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function (`def` or `async def`) as the component `id`.

    `kind` is `common`, or that of a head: `boolean` (IF, WHILE, BREAK, AND, OR, NOT) answers with a
    bool, `switch` with a target's id or tag, `for` with a number, `iterator` with a list.
    `compensate` names the component that undoes it. `retry` bounds the attempts that answer;
    attempts that are lost with their worker or time out do not use them up, up to `lost_attempts`
    (3; 0 when not `idempotent`). `on_failure` is the strategy when they are used up:
    `OnFailure(strategy=Strategy.MANUAL)` asks a person.
    `timeout` and `heartbeat` are seconds per attempt. `read_only` steps need no undo; heads
    without a compensation are read-only unless told otherwise. Exceptions of the types
    in `refuses` count as refusals.
    """

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        lost = lost_attempts if lost_attempts is not None else (3 if idempotent else 0)
        declaration = Declaration(
            id=id,
            kind=kind,
            name=name,
            compensate=compensate,
            compensate_when=compensate_when,
            retry=retry,
            on_failure=on_failure,
            timeout=timeout,
            heartbeat=heartbeat,
            read_only=(kind != "common" and compensate is None) if read_only is None else read_only,
            irreversible=irreversible,
            idempotent=idempotent,
            lost_attempts=lost,
            refuses=refuses,
        )
        setattr(function, DECLARATION, declaration)
        return function

    return declare
