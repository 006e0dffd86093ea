"""The functions that a component declares beside its own, bound as it is.

For the registry, which binds them at start, and for the course of an attempt, which calls them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from activities.binding import Binding, Source, bind_signature
from activities.component import Undo
from activities.declaration import Declaration
from activities.errors import ComponentInvalid
from rules.plan import FailureStrategy

HOOKS: Final = (
    "access",
    "before",
    "on_success",
    "on_error",
    "after",
    "end_when",
    "continue_on_error",
)
AFTER_ERROR: Final = ("on_error", "continue_on_error")


@dataclass(frozen=True, slots=True)
class Hook:
    """A function with its binding."""

    function: Callable[..., object]
    binding: Binding


def bind_hooks(declaration: Declaration, own: Binding, where: str) -> dict[str, Hook]:
    """Bind what is declared, by its name. Raises ComponentInvalid, for contradictions too."""
    _check(declaration, own, where)
    return {
        name: _hook(declaration.id, function, after_error=name in AFTER_ERROR)
        for name in HOOKS
        if callable(function := getattr(declaration, name))
    }


def _hook(component: str, function: Callable[..., object], *, after_error: bool) -> Hook:
    binding = bind_signature(component, function, answers=False, after_error=after_error)
    if _tells_of_undo(binding):
        where = f"{function.__module__}.{function.__qualname__}"
        problem = "only a component itself is told of an undo; drop the parameter"
        raise ComponentInvalid(component, where, problem)
    return Hook(function, binding)


def _check(declaration: Declaration, own: Binding, where: str) -> None:
    asks = (declaration.access, declaration.end_when, declaration.continue_on_error)
    if any(asks) and _tells_of_undo(own):
        problem = "a compensation has no access, end_when or continue_on_error; it must be done"
        raise ComponentInvalid(declaration.id, where, problem)
    if declaration.runs_chains and _tells_of_undo(own):
        problem = "a compensation cannot run chains: nothing would undo them"
        raise ComponentInvalid(declaration.id, where, problem)
    strategy = declaration.on_failure.strategy
    before = (FailureStrategy.RETRY, FailureStrategy.MANUAL)
    if declaration.continue_on_error is True and strategy in before:
        problem = f"continue_on_error goes on before {strategy.value} could act; drop one of them"
        raise ComponentInvalid(declaration.id, where, problem)


def _tells_of_undo(binding: Binding) -> bool:
    undo: Source = Undo
    return any(parameter.source is undo for parameter in binding.parameters)
