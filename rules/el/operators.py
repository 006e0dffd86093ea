"""THE TABLE of EL operators: one frozen row each. Parser and printer know none of it.

Drives the checks (`rules.checks.kinds`), the lowering (`rules.lower` has one function per row),
the suggestions and `docs/language.md`. A new operator is a row here, a lowering there and a method
of the interpreter. Must not know plan nodes.

Kinds are what an operand can be. Nodes: `common`, `boolean`. Expressions: `then`, `when`, `if`.
`chain` is a referenced chain. Values: `string`, `integer`, `float`, `truth`, `null`.
In the examples `a`..`d` are common components, `x` and `y` boolean ones, `sub` is a chain.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

UNKNOWN: Final = "unknown"
"""The kind of what was already reported; it fits everywhere, so that one error stays one."""

EXPRESSIONS: Final = frozenset({"then", "when", "if"})
COMPONENTS: Final = frozenset({"common", "boolean"})

KIND_WORDS: Final[Mapping[str, str]] = {
    "common": "a common component",
    "boolean": "a boolean component",
    "then": "a THEN expression",
    "when": "a WHEN expression",
    "if": "an IF expression",
    "chain": "a chain",
    "string": "a string",
    "integer": "an integer",
    "float": "a decimal number",
    "truth": "a truth value",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """What may stand in one operand's place.

    `part`: filling the slot takes this part of the expression, which can be taken only once
    (`taken` is the category of the error). `category` is that of a wrong kind, `hint` mends a
    component of the wrong kind.
    """

    words: str
    accepts: frozenset[str]
    category: str = "operand_type"
    hint: str | None = None
    part: str | None = None
    taken: str = "duplicate_part"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator of the language.

    `slots` are its operands; with `repeats` the last one may be repeated. `result` is the kind of
    the expression that a function makes; a modifier keeps the kind of its receiver. `before` is a
    part that must still be free. `nodes` and `levels` bound the plan nodes and levels of JSON that
    it adds to the plan. `makes_body` are the receiver kinds that the modifier makes fit to be the
    body of a chain.
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
    before: str | None = None
    taken: str = "duplicate_part"
    nodes: int = 0
    levels: int = 0
    makes_body: frozenset[str] = frozenset()

    def slot(self, index: int) -> Slot:
        """The slot of the operand at `index`, counted from 0."""
        return self.slots[min(index, len(self.slots) - 1)]


_ITEMS: Final = frozenset({"common", "chain"}) | EXPRESSIONS
ITEM: Final = Slot(
    "a common component, an expression or a chain",
    _ITEMS,
    hint="a boolean component is asked, not run: IF(x, ...)",
)
CONDITION: Final = Slot(
    "a boolean component",
    frozenset({"boolean"}),
    hint="a component that answers yes or no is declared with kind='boolean'",
)
FALSE_BRANCH: Final = replace(ITEM, part="ELSE", taken="duplicate_else")
TEXT: Final = Slot("a string", frozenset({"string"}), "argument_type")

OPERATORS: Final[tuple[Operator, ...]] = (
    Operator(
        name="THEN",
        aliases=("SER",),
        form="function",
        slots=(ITEM,),
        repeats=True,
        result="then",
        nodes=1,
        levels=2,
        summary="Runs its operands one after the other.",
        example="THEN(a, b, c)",
    ),
    Operator(
        name="WHEN",
        aliases=("PAR",),
        form="function",
        slots=(ITEM,),
        repeats=True,
        result="when",
        nodes=1,
        levels=2,
        summary="Runs its operands side by side and waits for all of them.",
        example="THEN(a, WHEN(b, c), d)",
    ),
    Operator(
        name="IF",
        form="function",
        slots=(CONDITION, ITEM, FALSE_BRANCH),
        at_least=2,
        result="if",
        nodes=1,
        levels=2,
        summary="Asks a boolean component, then runs the second operand, or else the third.",
        example="IF(x, a, b)",
    ),
    Operator(
        name="ELIF",
        form="modifier",
        slots=(CONDITION, ITEM),
        at_least=2,
        receivers=frozenset({"if"}),
        before="ELSE",
        taken="duplicate_else",
        nodes=1,
        levels=1,
        summary="Asks another boolean component when those before said no.",
        example="IF(x, a).ELIF(y, b).ELSE(c)",
    ),
    Operator(
        name="ELSE",
        form="modifier",
        slots=(FALSE_BRANCH,),
        receivers=frozenset({"if"}),
        summary="What runs when every condition said no. Nothing may follow it but id, tag, data.",
        example="IF(x, a).ELSE(b)",
    ),
    Operator(
        name="id",
        form="modifier",
        slots=(TEXT,),
        receivers=EXPRESSIONS,
        summary="Names an expression.",
        example='THEN(a, b).id("order")',
    ),
    Operator(
        name="tag",
        form="modifier",
        slots=(TEXT,),
        receivers=EXPRESSIONS | COMPONENTS | {"chain"},
        makes_body=frozenset({"chain"}),
        summary="Marks this occurrence, where the component can read it; not passed on inside.",
        example='THEN(a.tag("vip"), a.tag("plain"))',
    ),
    Operator(
        name="data",
        form="modifier",
        slots=(TEXT,),
        receivers=EXPRESSIONS | COMPONENTS | {"chain"},
        summary="Gives data to this occurrence, or to everything inside; the outer one wins.",
        example="THEN(a.data('{\"limit\": 3}'), b)",
    ),
)

# fmt: off
PLANNED: Final = frozenset({
    "SWITCH", "FOR", "WHILE", "ITERATOR", "CATCH", "AND", "OR", "NOT", "PRE", "FINALLY", "node",
    "NODE", "TO", "to", "DEFAULT", "DO", "BREAK", "parallel", "bind", "retry", "maxWaitSeconds",
    "maxWaitMilliseconds", "any", "must", "percentage", "ignoreError", "threadPool",
})
# fmt: on
"""Operators of LiteFlow that have no row yet (EL reference section 3)."""


def _spellings() -> Iterator[tuple[str, Operator]]:
    for row in OPERATORS:
        for name in (row.name, *row.aliases):
            yield name, row


BY_NAME: Final[Mapping[str, Operator]] = dict(_spellings())
FUNCTIONS: Final = {name: row for name, row in BY_NAME.items() if row.form == "function"}
MODIFIERS: Final = {name: row for name, row in BY_NAME.items() if row.form == "modifier"}
