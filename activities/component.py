"""The author's API: declare a Python function as a component of chains.

For component authors, whose modules import nothing else of chainsaga. It imports neither SQL nor
Temporal, so that a component can be read, typed and tested without them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, Unpack

from activities.declaration import DECLARATION, Declaration, Options, Retry
from activities.errors import Refused, Unreadable
from activities.step import Context, ContextWrites, Delivered, Step, Undo
from activities.sub_runs import ChainAnswer, ChainFailed
from rules.plan import FailurePolicy, FailureStrategy

__all__ = [
    "Bind",
    "ChainAnswer",
    "ChainFailed",
    "Context",
    "ContextWrites",
    "Ctx",
    "Delivered",
    "OnFailure",
    "Output",
    "Provided",
    "Refused",
    "Retry",
    "Step",
    "Strategy",
    "Undo",
    "Unreadable",
    "component",
    "minutes",
    "seconds",
]

OnFailure = FailurePolicy
Strategy = FailureStrategy

P = ParamSpec("P")
R = TypeVar("R")


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
class Bind:
    """Binds a parameter to what the chain gives by `.bind`: `Annotated[int, Bind("limit")]`.

    A text is read as JSON, or as what pydantic makes of it; `${path}` is looked up in the context,
    all of which is sent for it.
    """

    key: str


@dataclass(frozen=True, slots=True)
class Provided:
    """Binds a parameter to something that the process provides, such as a database.

    `provide` is called once per process, at the first use; tests and `worker.py` may give another
    provider for it.
    """

    provide: Callable[[], object]


def component(id: str, **options: Unpack[Options]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function (`def` or `async def`) as the component `id`.

    `kind` is `common`, or that of a head: `boolean` (IF, WHILE, BREAK, AND, OR, NOT) answers with a
    bool, `switch` with a target's id or tag, `for` with a number, `iterator` with a list.
    `compensate` names the component that undoes it. `retry` bounds the attempts that answer;
    attempts that are lost with their worker or time out do not use them up, up to `lost_attempts`
    (3; 0 when not `idempotent`). `on_failure` is the strategy when they are used up:
    `OnFailure(strategy=Strategy.MANUAL)` asks a person.
    `timeout` and `heartbeat` are seconds per attempt. `read_only` steps need no undo; heads
    without a compensation are read-only unless told otherwise. Exceptions of the types
    in `refuses` count as refusals. `fallback` stands in for unknown components of its kind.
    `runs_chains` allows `step.run_chain`; without a compensation such a step is taken to do nothing
    but run chains, its `timeout` is a week unless given, and it is sent the whole context.

    The others are functions that run inside the step's activity, their parameters bound as its own.
    `access` is asked once before all attempts: when False, the step is left out. In each attempt
    run `before`, the component, then `on_success` or `on_error` (which may take the exception, and
    whose own failure is only logged), and always `after`. `end_when` is asked when the step has
    completed or was left out: when True, the whole flow ends well. `continue_on_error` (True, or a
    function that may take the exception) lets the flow go on when the attempts are used up.
    """
    declaration = Declaration(id=id, **options)

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        setattr(function, DECLARATION, declaration)
        return function

    return declare
