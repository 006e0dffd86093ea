"""What a row of the table of operators says: its operands, what it stands behind, what it makes.

For the rows (`blocks`, `choices`, `loops`, `marks`) and for what reads them. Knows no operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rules.el.operators.kinds import UNKNOWN


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand in one operand's place.

    `words` name it; `accepts` are the kinds that fit. Of the others, those in `odd` only give a
    warning and those in `misplaced` are errors of category `structure`, each with its text; the
    rest are errors of `category`, with a hint for the kinds in `hints`. `needs` is the kind of the
    component that stands in for an unknown one. `bounds` is the range of a number. Filling the
    slot takes the `part` of the expression, which can be taken only once (`taken` is the category
    of that error).
    """

    words: str
    accepts: frozenset[str]
    category: str = "operand_type"
    hints: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)
    misplaced: Mapping[str, str] = field(default_factory=dict)
    needs: str | None = None
    bounds: tuple[float, float] | None = None
    part: str | None = None
    taken: str = "duplicate_part"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language.

    `slots` are its operands; with `repeats` the last one may be repeated. `result` is the kind of
    the expression that a function makes. `receivers` are the kinds behind which a modifier may
    stand, `behind` says so in words; it keeps the kind of its receiver unless `becomes` has
    another. `before` is a part that must still be free. `ignored` is the warning of an operator
    that has no effect.

    `nodes` bounds the plan nodes that it adds. Levels are of JSON: `levels` lie between the
    expression and the operands, `deepens` more for what follows in the row of modifiers, `around`
    are put around the receiver. `names_branches`: it speaks of the receiver's branches by their
    ids, and its operands are no part of the plan.
    """

    name: str
    form: Literal["function", "modifier"]
    slots: tuple[Slot, ...]
    summary: str
    example: str
    aliases: tuple[str, ...] = ()
    at_least: int = 1
    repeats: bool = False
    result: str = UNKNOWN
    receivers: frozenset[str] = frozenset()
    behind: str = ""
    becomes: Mapping[str, str] = field(default_factory=dict)
    before: str | None = None
    taken: str = "duplicate_part"
    ignored: str | None = None
    nodes: int = 0
    levels: int = 2
    deepens: int = 0
    around: int = 0
    names_branches: bool = False

    def slot(self, index: int) -> Slot:
        """The slot of the operand at `index`, counted from 0."""
        return self.slots[min(index, len(self.slots) - 1)]
