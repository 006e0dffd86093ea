"""Lowers the operators that begin an expression: one function each.

For `rules.lower.rows`. Each gives the draft of its node; modifiers come later.
"""

from typing import Final, Literal, cast

from rules.checks.terms import Applied, Constant, Term, identity
from rules.el.operators.kinds import FINALLIES, HOISTED, PRES
from rules.lower.drafts import (
    CatchDraft,
    Draft,
    IfDraft,
    LogicDraft,
    LoopDraft,
    SwitchDraft,
    ThenDraft,
    WhenDraft,
)
from rules.lower.lowering import Lowering
from rules.lower.scope import Scope
from rules.plan import PlanNode

_LOGIC: Final[dict[str, Literal["and", "or", "not"]]] = {"AND": "and", "OR": "or", "NOT": "not"}
_LOOPS: Final[dict[str, Literal["for", "while", "iterator"]]] = {
    "FOR": "for",
    "WHILE": "while",
    "ITERATOR": "iterator",
}


def lower_then(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """THEN, SER: blocks of PRE come first, those of FINALLY last, whatever is around them."""
    nodes = lowering.items(applied, scope)
    kinds = [arg.kind for arg in applied.args]
    if HOISTED.isdisjoint(kinds):
        return ThenDraft(nodes)
    placed = list(zip(kinds, nodes, strict=True))
    return ThenDraft(
        [
            *(node for kind, node in placed if kind in PRES),
            *(node for kind, node in placed if kind not in HOISTED),
        ],
        [node for kind, node in placed if kind in FINALLIES],
    )


def lower_block(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """PRE and FINALLY: a THEN, for which the THEN around them finds a place."""
    return ThenDraft(lowering.items(applied, scope))


def lower_when(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """WHEN, PAR."""
    draft = WhenDraft(lowering.items(applied, scope))
    if lowering.when_max_wait is not None:
        draft.max_wait = lowering.when_max_wait
        draft.names = [identity(arg)[0] for arg in applied.args]
    return draft


def lower_if(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """IF with two or three operands."""
    test, then, *rest = lowering.items(applied, scope)
    return IfDraft([(test, then)], rest[0] if rest else None)


def lower_switch(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """SWITCH: its head."""
    return SwitchDraft(lowering.node(applied.args[0], scope))


def lower_logic(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """AND, OR, NOT."""
    return LogicDraft(_LOGIC[applied.row.name], lowering.items(applied, scope))


def lower_loop(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """FOR, WHILE, ITERATOR: the head."""
    return LoopDraft(_LOOPS[applied.row.name], _head(lowering, applied.args[0], scope))


def _head(lowering: Lowering, term: Term, scope: Scope) -> PlanNode | bool | int:
    if isinstance(term.subject, Constant):
        return cast("bool | int", term.subject.value)
    return lowering.node(term, scope)


def lower_catch(lowering: Lowering, applied: Applied, scope: Scope) -> Draft:
    """CATCH: what may fail."""
    return CatchDraft(lowering.node(applied.args[0], scope))
