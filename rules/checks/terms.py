"""What a checked chain means: every name resolved, every operator with its row.

Made by `rules.checks.kinds`, read by `rules.lower`. Terms are immutable and shared: two uses of a
variable are the same term, so a text cannot grow a tree larger than itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rules.checks.known import Known
from rules.el.operators.rows import Operator


class Applied(NamedTuple):
    """An operator with its checked operands; `branches` are ids, for a row that names them."""

    row: Operator
    args: tuple["Term", ...]
    branches: tuple[str, ...] = ()


class Constant(NamedTuple):
    """The value of a literal, arithmetic done."""

    value: str | int | float | bool | None


class StandIn(NamedTuple):
    """An unknown component, and the fallback in its place once that place is known."""

    name: str
    policy: Known | None = None


class Unit(NamedTuple):
    """A chain that was checked. `body` is None when it has errors, `problem` says the first.

    `circle` is a circle of chains that it is in or leads to. A `template` has no body by intention.
    """

    name: str
    body: "Term | None"
    problem: str | None
    circle: tuple[str, ...] = ()
    template: bool = False


class Term(NamedTuple):
    """A checked expression.

    `subject` None means that it is in error. `size` counts plan nodes, `levels` levels of JSON,
    `marks` modifiers (see `Limits`), all with variables and chains put in. `parts` are the parts
    that are taken.
    """

    kind: str
    subject: Known | StandIn | Unit | Applied | Constant | None
    start: int
    end: int
    size: int = 0
    levels: int = 0
    modifiers: tuple[Applied, ...] = ()
    parts: frozenset[str] = frozenset()
    marks: int = 0


def text(applied: Applied, index: int = 0) -> str:
    """An operand whose slot is a string."""
    subject = applied.args[index].subject
    assert isinstance(subject, Constant)
    return str(subject.value)


def identity(term: Term, modifiers: Sequence[Applied] | None = None) -> tuple[str, str | None]:
    """Id and tag by which SWITCH and must know a term, given its modifiers or the first of them.

    The id is that of `.id`, of the component or of the chain, else `condition-` and the operator.
    """
    name: str | None = None
    tag: str | None = None
    for applied in term.modifiers if modifiers is None else modifiers:
        if applied.row.name not in ("id", "tag") or not _has_text(applied):
            continue
        if applied.row.name == "id":
            name = text(applied)
        else:
            tag = text(applied)
    if name is None:
        name = _own_id(term)
    return name, tag


def _has_text(applied: Applied) -> bool:
    """Whether its first operand is there; `.must` asks before errors end the compilation."""
    return bool(applied.args) and isinstance(applied.args[0].subject, Constant)


def _own_id(term: Term) -> str:
    match term.subject:
        case StandIn(name=name) | Unit(name=name):
            return name
        case Applied(row=row):
            return f"condition-{row.name.lower()}"
        case None | Constant():
            return ""
        case component:
            return component.id
