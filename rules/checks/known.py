"""What the checks ask of a component, and one of which no more is known than its kind.

For the checks, which so need no policies: `chainsaga check` starts without them. A
`rules.plan.ComponentPolicy` is a `Known`.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Kind = Literal["common", "boolean", "switch", "for", "iterator"]


class Failing(Protocol):
    """What a component does about a failure."""

    @property
    def strategy(self) -> str:
        """A `FailureStrategy`."""
        ...

    @property
    def default(self) -> str:
        """What is done when nobody decides: `compensate` or `skip`."""
        ...


class Known(Protocol):
    """A component that a text may name."""

    @property
    def id(self) -> str:
        """Its name in chains."""
        ...

    @property
    def kind(self) -> Kind:
        """Where it may stand."""
        ...

    @property
    def compensate(self) -> str | None:
        """The component that undoes it."""
        ...

    @property
    def fallback(self) -> bool:
        """Whether it stands in for unknown ones of its kind."""
        ...

    @property
    def on_failure(self) -> Failing:
        """What it does about a failure."""
        ...

    @property
    def problem(self) -> str | None:
        """Why no chain may use it, if that is so."""
        ...


@dataclass(frozen=True, slots=True)
class _Plain:
    strategy: str = "COMPENSATE"
    default: str = "compensate"


_PLAIN: Final = _Plain()


@dataclass(frozen=True, slots=True)
class Named:
    """A component of which somebody says the kind, and perhaps what undoes it."""

    id: str
    kind: Kind = "common"
    compensate: str | None = None
    read_only: bool = False
    fallback: bool = False
    on_failure: _Plain = _PLAIN
    problem: str | None = None
