"""Rows of the table: references, and what can be said of anything."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rules.el.operators.kinds import (
    COMPONENTS,
    EXPRESSIONS,
    FINALLIES,
    HEADS,
    INCOMPLETE,
    LIMITED,
    MISSING,
    PRES,
)
from rules.el.operators.rows import Operator
from rules.el.operators.slots import INTEGER, TEXT, TRUTH

_CONDITIONS: Final = EXPRESSIONS | INCOMPLETE.keys()
_ANYTHING: Final = _CONDITIONS | COMPONENTS | {"chain", MISSING}
_BEHIND_ALL: Final = "a component, an expression or a chain"
_MARKED: Final = {"chain": "marked"}


def _wrapped(kind: str, pre: str, last: str) -> Mapping[str, str]:
    """What a modifier that puts a block around its receiver makes of each kind."""
    return {
        **dict.fromkeys(_ANYTHING, kind),
        **dict.fromkeys(HEADS | {"logic", "asked"}, "asked"),
        **dict.fromkeys(PRES, pre),
        **dict.fromkeys(FINALLIES, last),
    }


_LIMITED: Final = {**_wrapped("limit", "pre_limit", "finally_limit"), "when": "when"}
_WAIT: Final = replace(INTEGER, words="an integer above 0", bounds=(1, 2**31 - 1))

MARKS: Final = (
    Operator(
        name="node",
        aliases=("NODE",),
        form="function",
        slots=(TEXT,),
        result=MISSING,
        summary="The component of that id, never a variable or a chain. When there is none, the "
        "fallback component of the kind that stands here, if the deployment has one.",
        example='THEN(node("a"), b)',
    ),
    Operator(
        name="id",
        form="modifier",
        slots=(TEXT,),
        receivers=_CONDITIONS,
        behind="an expression",
        summary="Names an expression, for SWITCH and must.",
        example='THEN(a, b).id("order")',
    ),
    Operator(
        name="tag",
        form="modifier",
        slots=(TEXT,),
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        becomes=_MARKED,
        summary="Marks this occurrence, where the component can read it; not passed on inside.",
        example='THEN(a.tag("vip"), a.tag("plain"))',
    ),
    Operator(
        name="data",
        form="modifier",
        slots=(TEXT,),
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        summary="Gives data to this occurrence, or to everything inside; the outer one wins.",
        example="THEN(a.data('{\"limit\": 3}'), b)",
    ),
    Operator(
        name="bind",
        form="modifier",
        slots=(TEXT, TEXT, TRUTH),
        at_least=2,
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        becomes=_MARKED,
        summary="Gives a value under a key to this occurrence, or to everything inside. The inner "
        "one wins, unless an outer one says true as its third operand.",
        example='THEN(a.bind("queue", "fast"), b).bind("queue", "slow")',
    ),
    Operator(
        name="retry",
        form="modifier",
        slots=(INTEGER, TEXT),
        repeats=True,
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        becomes=_wrapped("retry", "pre", "finally"),
        nodes=1,
        around=2,
        summary="Runs it again when it fails, at most so many times more; with names of error "
        "types, for these only.",
        example='THEN(a.retry(2), THEN(b, c).retry(1, "ConnectionError"))',
    ),
    Operator(
        name="maxWaitSeconds",
        form="modifier",
        slots=(_WAIT,),
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        becomes=_LIMITED,
        names_branches=True,
        nodes=1,
        around=2,
        summary="How long it may take; on a WHEN, how long each branch may take.",
        example="THEN(a.maxWaitSeconds(5), WHEN(b, c).maxWaitSeconds(10))",
    ),
    Operator(
        name="maxWaitMilliseconds",
        form="modifier",
        slots=(_WAIT,),
        receivers=_ANYTHING,
        behind=_BEHIND_ALL,
        becomes=_LIMITED,
        names_branches=True,
        nodes=1,
        around=2,
        summary="The same in milliseconds.",
        example="WHEN(a, b).maxWaitMilliseconds(500)",
    ),
    Operator(
        name="threadPool",
        form="modifier",
        slots=(TEXT,),
        receivers=LIMITED | {"when", "loop", "open_loop"},
        behind="a WHEN or a loop",
        ignored="threads are the worker's affair; this changes nothing",
        summary="Accepted, and ignored with a warning: there are no thread pools to choose from.",
        example='WHEN(a, b).threadPool("com.example.Pool")',
    ),
)
