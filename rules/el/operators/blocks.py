"""Rows of the table: what runs one after the other, side by side, first, last, or guarded.

In the examples `a`..`d` are common components, `x` and `y` boolean ones, `s` is a switch, `n` a
for and `it` an iterator component, `sub` is a chain.
"""

from typing import Final

from rules.el.operators.kinds import LIMITED
from rules.el.operators.rows import Operator, Slot
from rules.el.operators.slots import BRANCH, ITEM, STEP, TRUTH

_WHENS: Final = LIMITED | {"when"}
_BEHIND_WHEN: Final = "a WHEN, or something with a time limit"
_SHARE: Final = Slot(
    "a number from 0 to 1", frozenset({"integer", "float"}), "argument_type", bounds=(0, 1)
)
_BRANCH_ID: Final = Slot(
    "the id of a branch, or the branch",
    ITEM.accepts | ITEM.odd.keys() | {"string"},
    "argument_type",
    needs="common",
)

BLOCKS: Final = (
    Operator(
        name="THEN",
        aliases=("SER",),
        form="function",
        slots=(STEP,),
        repeats=True,
        result="then",
        nodes=1,
        summary="Runs its operands one after the other.",
        example="THEN(a, b, c)",
    ),
    Operator(
        name="WHEN",
        aliases=("PAR",),
        form="function",
        slots=(BRANCH,),
        repeats=True,
        result="when",
        nodes=1,
        summary="Runs its operands side by side and waits for all of them.",
        example="THEN(a, WHEN(b, c), d)",
    ),
    Operator(
        name="any",
        form="modifier",
        slots=(TRUTH,),
        receivers=_WHENS,
        behind=_BEHIND_WHEN,
        summary="Goes on when the first branch has completed, or failed. Of any, must and "
        "percentage the last one holds.",
        example="THEN(WHEN(a, b).any(true), c)",
    ),
    Operator(
        name="must",
        form="modifier",
        slots=(_BRANCH_ID,),
        repeats=True,
        receivers=_WHENS,
        behind=_BEHIND_WHEN,
        names_branches=True,
        summary="Goes on when these branches have completed, named by component, .id or chain.",
        example='WHEN(a, THEN(b, c).id("stock"), sub).must(a, "stock")',
    ),
    Operator(
        name="percentage",
        form="modifier",
        slots=(_SHARE,),
        receivers=_WHENS,
        behind=_BEHIND_WHEN,
        summary="Goes on when this share of the branches has completed, at least one.",
        example="WHEN(a, b, c).percentage(0.6)",
    ),
    Operator(
        name="ignoreError",
        form="modifier",
        slots=(TRUTH,),
        receivers=_WHENS,
        behind=_BEHIND_WHEN,
        summary="Whether the chain goes on when branches fail.",
        example="THEN(WHEN(a, b).ignoreError(true), c)",
    ),
    Operator(
        name="PRE",
        form="function",
        slots=(ITEM,),
        repeats=True,
        result="pre",
        nodes=1,
        summary="Runs before everything else in the THEN in which it stands.",
        example="THEN(a, PRE(b), c)",
    ),
    Operator(
        name="FINALLY",
        form="function",
        slots=(ITEM,),
        repeats=True,
        result="finally",
        nodes=1,
        summary="Runs at the end of the THEN in which it stands, also when that fails.",
        example="THEN(a, b, FINALLY(c))",
    ),
    Operator(
        name="CATCH",
        form="function",
        slots=(ITEM,),
        result="catch",
        nodes=1,
        summary="Absorbs the failure of its operand; DO says what runs then.",
        example="CATCH(THEN(a, b)).DO(c)",
    ),
)
