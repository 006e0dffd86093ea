"""Rows of the table: what asks and chooses."""

from dataclasses import replace
from typing import Final

from rules.el.operators.rows import Operator
from rules.el.operators.slots import CONDITION, TARGET, head

_FALSE_BRANCH: Final = replace(TARGET, part="ELSE", taken="duplicate_else")
_SWITCHES: Final = frozenset({"choice", "open_choice"})
_CHOSEN: Final = {"open_choice": "choice"}

CHOICES: Final = (
    Operator(
        name="IF",
        form="function",
        slots=(CONDITION, TARGET, _FALSE_BRANCH),
        at_least=2,
        result="if",
        nodes=1,
        summary="Asks its first operand, then runs the second one, or else the third.",
        example="IF(x, a, b)",
    ),
    Operator(
        name="ELIF",
        form="modifier",
        slots=(CONDITION, TARGET),
        at_least=2,
        receivers=frozenset({"if"}),
        behind="an IF",
        before="ELSE",
        taken="duplicate_else",
        nodes=1,
        deepens=1,
        summary="Asks another condition when those before said no.",
        example="IF(x, a).ELIF(y, b).ELSE(c)",
    ),
    Operator(
        name="ELSE",
        form="modifier",
        slots=(_FALSE_BRANCH,),
        receivers=frozenset({"if"}),
        behind="an IF",
        summary="What runs when every condition said no. No ELIF may follow it.",
        example="IF(x, a).ELSE(b)",
    ),
    Operator(
        name="SWITCH",
        form="function",
        slots=(head("switch", "a switch component"),),
        result="open_choice",
        nodes=1,
        summary="Asks a switch component which of the targets in TO runs. It answers with an id "
        "(of a component, a chain or `.id`), `tag:t`, or both as `id:t`.",
        example='SWITCH(s).TO(a, THEN(b, c).id("both"), sub)',
    ),
    Operator(
        name="TO",
        aliases=("to",),
        form="modifier",
        slots=(TARGET,),
        repeats=True,
        receivers=_SWITCHES,
        behind="a SWITCH",
        becomes=_CHOSEN,
        levels=3,
        summary="The targets of a SWITCH; a second TO adds more.",
        example='SWITCH(s).TO(a, b.tag("vip")).TO(c)',
    ),
    Operator(
        name="DEFAULT",
        form="modifier",
        slots=(replace(TARGET, part="DEFAULT"),),
        receivers=_SWITCHES,
        behind="a SWITCH",
        becomes=_CHOSEN,
        summary="What runs when the switch component names none of the targets.",
        example="SWITCH(s).TO(a, b).DEFAULT(c)",
    ),
    Operator(
        name="AND",
        form="function",
        slots=(CONDITION,),
        at_least=2,
        repeats=True,
        result="logic",
        nodes=1,
        summary="Yes if all of its operands say yes; asks from left to right, as far as needed.",
        example="IF(AND(x, NOT(y)), a)",
    ),
    Operator(
        name="OR",
        form="function",
        slots=(CONDITION,),
        at_least=2,
        repeats=True,
        result="logic",
        nodes=1,
        summary="Yes if one of its operands says yes; asks from left to right, as far as needed.",
        example="IF(OR(x, y), a)",
    ),
    Operator(
        name="NOT",
        form="function",
        slots=(CONDITION,),
        result="logic",
        nodes=1,
        summary="Yes if its operand says no.",
        example="IF(NOT(x), a)",
    ),
)
