"""The slots that several operators share.

For the rows of the table. The texts are the mends that a diagnostic offers.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rules.el.operators.kinds import FINALLIES, PRES, RUNNABLE
from rules.el.operators.rows import Slot

_NOT_RUN: Final[Mapping[str, str]] = {
    "boolean": "a boolean component is asked, not run: IF(x, ...)",
    "switch": "a switch component chooses: SWITCH(s).TO(...)",
    "for": "a for component counts: FOR(n).DO(...)",
    "iterator": "an iterator component gives the objects of a loop: ITERATOR(it).DO(...)",
}
_UNUSED: Final[Mapping[str, str]] = {
    "logic": "its answer decides nothing here",
    "asked": "its answer decides nothing here",
}
_LIKE_THEN: Final = {
    **dict.fromkeys(PRES, "PRE comes first only directly in a THEN; here it runs like a THEN"),
    **dict.fromkeys(
        FINALLIES, "FINALLY runs in any case only directly in a THEN; here it runs like a THEN"
    ),
}
_IN_WHEN: Final = {
    **dict.fromkeys(PRES, "write THEN(PRE(...), WHEN(...))"),
    **dict.fromkeys(FINALLIES, "write THEN(WHEN(...), FINALLY(...))"),
}
_IN_TARGET: Final = {
    **dict.fromkeys(PRES, "write THEN(PRE(...), ...)"),
    **dict.fromkeys(FINALLIES, "write THEN(..., FINALLY(...))"),
    "logic": "AND, OR and NOT are asked, not run: IF(AND(x, y), ...)",
}
_HEAD_LIMITS: Final = "its attempts and its time are set where the component is declared"

ITEM: Final = Slot(
    "a common component, an expression or a chain",
    RUNNABLE | {"common", "chain"},
    hints=_NOT_RUN,
    odd={**_UNUSED, **_LIKE_THEN},
    needs="common",
)
STEP: Final = replace(ITEM, accepts=ITEM.accepts | PRES | FINALLIES, odd=_UNUSED)
"""An operand of THEN."""
BRANCH: Final = replace(ITEM, odd=_UNUSED, misplaced=_IN_WHEN)
"""An operand of WHEN."""
TARGET: Final = replace(ITEM, odd={"asked": _UNUSED["asked"]}, misplaced=_IN_TARGET)
"""What an IF or SWITCH chooses."""

CONDITION: Final = Slot(
    "a boolean component, AND, OR or NOT",
    frozenset({"boolean", "logic"}),
    hints={
        **dict.fromkeys(
            ("common", "switch", "for", "iterator"),
            "a component that answers yes or no is declared with kind='boolean'",
        ),
        "asked": _HEAD_LIMITS,
    },
    needs="boolean",
)


def head(kind: str, words: str, *literals: str) -> Slot:
    """The slot of a head: a component of that kind, or a literal of these kinds."""
    wrong = f"a component that stands here is declared with kind='{kind}'"
    hints = dict.fromkeys({"common", "boolean", "switch", "for", "iterator"} - {kind}, wrong)
    hints["asked"] = _HEAD_LIMITS
    return Slot(words, frozenset({kind, *literals}), hints=hints, needs=kind)


TEXT: Final = Slot("a string", frozenset({"string"}), "argument_type")
INTEGER: Final = Slot("an integer", frozenset({"integer"}), "argument_type")
TRUTH: Final = Slot("true or false", frozenset({"truth"}), "argument_type")
