"""What a checked chain means: every name resolved, every operator with its row.

Made by `rules.checks.kinds`, read by `rules.lower`. Terms are immutable and shared: two uses of a
variable are the same term, so a text cannot grow a tree larger than itself.
"""

from dataclasses import dataclass

from rules.el.operators import Operator
from rules.plan import ComponentPolicy


@dataclass(frozen=True, slots=True)
class Applied:
    """An operator with its checked operands."""

    row: Operator
    args: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """The value of a literal, arithmetic done."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A chain that was checked. `body` is None when it has errors, `problem` says the first.

    `circle` is a circle of chains that it is in or leads to.
    """

    name: str
    body: "Term | None"
    problem: str | None
    circle: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Term:
    """A checked expression.

    `subject` None means that it is in error. `size` counts plan nodes, `levels` levels of JSON
    (see `Limits`), both with variables and chains put in. `parts` are the parts that are taken.
    """

    kind: str
    subject: ComponentPolicy | Unit | Applied | Constant | None
    start: int
    end: int
    size: int = 0
    levels: int = 0
    modifiers: tuple[Applied, ...] = ()
    parts: frozenset[str] = frozenset()
