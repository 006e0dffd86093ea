"""Rows of the table: loops, and their parts."""

from dataclasses import replace
from typing import Final

from rules.el.operators.rows import Operator
from rules.el.operators.slots import CONDITION, ITEM, TRUTH, head

_LOOPS: Final = frozenset({"loop", "open_loop"})
_WHILE: Final = replace(
    CONDITION,
    words="a boolean component, AND, OR, NOT, true or false",
    accepts=CONDITION.accepts | {"truth"},
)

LOOPS: Final = (
    Operator(
        name="FOR",
        form="function",
        slots=(head("for", "a for component or an integer", "integer"),),
        result="open_loop",
        nodes=1,
        summary="Runs the body in DO as often as its operand says.",
        example="FOR(n).DO(THEN(a, FOR(3).DO(b)))",
    ),
    Operator(
        name="WHILE",
        form="function",
        slots=(_WHILE,),
        result="open_loop",
        nodes=1,
        summary="Runs the body in DO again while its operand says yes, asked before each pass.",
        example="WHILE(x).DO(a)",
    ),
    Operator(
        name="ITERATOR",
        form="function",
        slots=(head("iterator", "an iterator component"),),
        result="open_loop",
        nodes=1,
        summary="Runs the body in DO once for each object that an iterator component gives.",
        example="ITERATOR(it).DO(a)",
    ),
    Operator(
        name="DO",
        form="modifier",
        slots=(replace(ITEM, part="DO"),),
        receivers=_LOOPS | {"catch"},
        behind="a loop or a CATCH",
        becomes={"open_loop": "loop"},
        summary="The body of a loop; what runs after a failure in CATCH.",
        example="FOR(3).DO(THEN(a, b))",
    ),
    Operator(
        name="BREAK",
        form="modifier",
        slots=(replace(CONDITION, part="BREAK"),),
        receivers=_LOOPS,
        behind="a loop",
        summary="Leaves the loop when it says yes, asked after each pass.",
        example="WHILE(x).DO(a).BREAK(y)",
    ),
    Operator(
        name="parallel",
        form="modifier",
        slots=(TRUTH,),
        receivers=_LOOPS,
        behind="a loop",
        summary="Whether the passes run side by side.",
        example="FOR(3).parallel(true).DO(a)",
    ),
)
