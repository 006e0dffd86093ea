"""Which operators stand directly in one another, or behind one another: as texts have it, and may.

A pair is (outer, inner): the inner one is an operand of the outer, or stands before it in a row of
modifiers. For the test that the table of operators has all of them.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from activities.registry import discover
from rules.compiler import ChainText, check_chain
from rules.el.ast import Call, Chained, Expr
from rules.el.findings import Findings
from rules.el.operators.table import BY_NAME
from rules.el.parser import parse
from tests.workflows.cases import whole

Pair = tuple[str, str]

# Each operator as plain as can be, in all that it may end with; `{}` is what stands before it.
FUNCTIONS: Final = {
    "THEN": ("THEN(a)",),
    "WHEN": ("WHEN(a)",),
    "PRE": ("PRE(a)",),
    "FINALLY": ("FINALLY(a)",),
    "CATCH": ("CATCH(a)",),
    "IF": ("IF(x, a)",),
    "SWITCH": ("SWITCH(s)", "SWITCH(s).TO(a)"),
    "AND": ("AND(x, y)",),
    "OR": ("OR(x, y)",),
    "NOT": ("NOT(x)",),
    "FOR": ("FOR(1)", "FOR(1).DO(a)"),
    "WHILE": ("WHILE(x)", "WHILE(x).DO(a)"),
    "ITERATOR": ("ITERATOR(i)", "ITERATOR(i).DO(a)"),
    "node": (
        'node("work")',
        'node("test")',
        'node("chooses")',
        'node("counts")',
        'node("iterates")',
    ),
}
MODIFIERS: Final = {
    "id": '{}.id("m")',
    "tag": '{}.tag("t")',
    "data": '{}.data("d")',
    "bind": '{}.bind("k", "v")',
    "retry": "{}.retry(1)",
    "maxWaitSeconds": "{}.maxWaitSeconds(1)",
    "maxWaitMilliseconds": "{}.maxWaitMilliseconds(1)",
    "any": "{}.any(true)",
    "must": '{}.must("work")',
    "percentage": "{}.percentage(1)",
    "ignoreError": "{}.ignoreError(true)",
    "threadPool": '{}.threadPool("p")',
    "parallel": "{}.parallel(true)",
    "DO": "{}.DO(a)",
    "BREAK": "{}.BREAK(x)",
    "TO": "{}.TO(a)",
    "DEFAULT": "{}.DEFAULT(a)",
    "ELIF": "{}.ELIF(x, a)",
    "ELSE": "{}.ELSE(a)",
}
PLACES: Final = {
    "THEN": ("THEN({})",),
    "WHEN": ("WHEN({})",),
    "PRE": ("THEN(PRE({}))",),
    "FINALLY": ("THEN(FINALLY({}))",),
    "CATCH": ("CATCH({})",),
    "IF": ("IF({}, a)", "IF(x, {})", "IF(x, a, {})"),
    "ELIF": ("IF(x, a).ELIF({}, a)", "IF(x, a).ELIF(x, {})"),
    "ELSE": ("IF(x, a).ELSE({})",),
    "SWITCH": ("SWITCH({}).TO(a)",),
    "TO": ("SWITCH(s).TO({})",),
    "DEFAULT": ("SWITCH(s).DEFAULT({})",),
    "FOR": ("FOR({}).DO(a)",),
    "WHILE": ("WHILE({}).DO(a)",),
    "ITERATOR": ("ITERATOR({}).DO(a)",),
    "DO": ("FOR(1).DO({})",),
    "BREAK": ("FOR(1).DO(a).BREAK({})",),
    "AND": ("IF(AND(x, {}), a)",),
    "OR": ("IF(OR(x, {}), a)",),
    "NOT": ("IF(NOT({}), a)",),
}
# What may still be lacking behind an expression that is only begun.
_ENDS: Final = ("", ".DO(a)", ".TO(a)")
_TRIED: Final = {
    outer: (
        *PLACES.get(outer, ()),
        *(f"{MODIFIERS[outer]}{end}" for end in _ENDS if outer in MODIFIERS),
    )
    for outer in (*FUNCTIONS, *MODIFIERS)
}
_NAMES: Final = ("a", "x", "s", "n", "i")
_COMPONENTS: Final = discover(["tests.workflows.acting"]).policies


def written(text: str) -> set[Pair]:
    """The pairs in a text, by the operators' first names."""
    script = parse(text, Findings("main", text))
    found: set[Pair] = set()
    for statement in script.statements:
        found.update(_pairs(statement.value))
    return found


def legal() -> set[Pair]:
    """The pairs that compile, each in the plainest text."""
    found: set[Pair] = set()
    for inner, text in _plain():
        for outer, tried in _TRIED.items():
            if (outer, inner) not in found and any(
                _compiles(f"THEN({place.replace('{}', text)})") for place in tried
            ):
                found.add((outer, inner))
    return found


def _plain() -> Iterator[tuple[str, str]]:
    """Every operator at the end of an expression that is as plain as can be."""
    for name, texts in FUNCTIONS.items():
        yield from ((name, text) for text in texts)
    bases = [*_NAMES, *(text for texts in FUNCTIONS.values() for text in texts)]
    for (name, behind), base in product(MODIFIERS.items(), bases):
        text = behind.replace("{}", base)
        if "caller_type" not in _errors(text):
            yield name, text


def _compiles(text: str) -> bool:
    return not _errors(text)


def _errors(text: str) -> set[str]:
    chains = {"main": ChainText("main", whole(text))}
    found = check_chain("main", chains=chains, components=_COMPONENTS)
    return {one.category for one in found if one.severity == "error"}


def _pairs(expr: Expr) -> Iterator[Pair]:
    if isinstance(expr, Call):
        yield from _operands(expr)
    elif isinstance(expr, Chained):
        yield from _pairs(expr.base)
        before = list(_operators(expr.base))
        for modifier in expr.modifiers:
            yield from ((_name(modifier), inner) for inner in before)
            yield from _operands(modifier)
            before.append(_name(modifier))


def _operands(call: Call) -> Iterator[Pair]:
    for arg in call.args:
        yield from ((_name(call), inner) for inner in _operators(arg))
        yield from _pairs(arg)


def _operators(expr: Expr) -> Iterable[str]:
    """The operators that an expression consists of, not those inside of its operands."""
    if isinstance(expr, Call):
        return [_name(expr)]
    if isinstance(expr, Chained):
        return [*_operators(expr.base), *map(_name, expr.modifiers)]
    return []


def _name(call: Call) -> str:
    return BY_NAME[call.name].name
