"""Which components a text must have, judged by where their names stand.

For the offline commands when nobody says what components there are: a name in the place of a
condition is a boolean component, the head of a SWITCH is a switch component, and so on. The first
place decides. A name that is a chain is none.
"""

from collections.abc import Mapping

from rules.checks.chains import ChainText
from rules.checks.filling import filled
from rules.checks.known import Kind, Named
from rules.checks.limits import DEFAULT_LIMITS
from rules.checks.resolve import CURRENT_CHAIN
from rules.el.ast import Assignment, Call, Chained, Expr, Literal, Name
from rules.el.findings import Findings
from rules.el.operators.rows import Operator
from rules.el.operators.table import FUNCTIONS, MODIFIERS
from rules.el.parser import parse

_KINDS: Mapping[str, Kind] = {
    "boolean": "boolean",
    "switch": "switch",
    "for": "for",
    "iterator": "iterator",
}


def assume(name: str, chains: Mapping[str, ChainText]) -> dict[str, Named]:
    """The components that the chain `name` and those that it includes name, by id."""
    found: dict[str, Named] = {}
    pending, seen = [name], {name}
    while pending:
        chain = pending.pop()
        walk = _Walk(chains, found)
        walk.text(chain)
        pending.extend(walk.includes - seen)
        seen |= walk.includes
    return found


class _Walk:
    """One chain's text. `variables` are those that stand for one name, of which places decide."""

    def __init__(self, chains: Mapping[str, ChainText], found: dict[str, Named]) -> None:
        self.chains = chains
        self.found = found
        self.includes: set[str] = set()
        self.variables: dict[str, Expr | None] = {CURRENT_CHAIN: None}

    def text(self, chain: str) -> None:
        text = filled(chain, self.chains, DEFAULT_LIMITS.text).findings.text
        script = parse(text, Findings(chain, text))
        unplaced: list[Expr] = []
        for statement in script.statements:
            alone = self.alone(statement.value)
            if statement.target is None or alone is None:
                self.expression(statement.value, "common")
            else:
                self.modifiers(statement.value)
                unplaced.append(alone)
            if statement.target is not None:
                self.variables[statement.target.text] = alone
        for expr in unplaced:
            self.resolved(expr, "common")

    def alone(self, expr: Expr) -> Expr | None:
        """The name, or `node("name")`, that an expression is but for modifiers and variables."""
        if isinstance(expr, Chained):
            return self.alone(expr.base)
        if isinstance(expr, Name):
            return self.variables.get(expr.text, expr)
        return expr if isinstance(expr, Call) and expr.name in ("node", "NODE") else None

    def expression(self, expr: Expr, kind: Kind) -> None:
        """Note the names in an expression that stands where components of this kind do."""
        match expr:
            case Name(text=name):
                self.name(name, kind)
            case Call(name="node" | "NODE", args=(Literal(value=str(name)),)):
                self.component(name, kind)
            case Call():
                self.operands(FUNCTIONS.get(expr.name), expr)
            case Assignment():
                self.expression(expr.value, kind)
                self.variables[expr.target.text] = self.alone(expr.value)
            case Chained():
                self.expression(expr.base, kind)
                self.modifiers(expr)

    def modifiers(self, expr: Expr) -> None:
        for call in expr.modifiers if isinstance(expr, Chained) else ():
            self.operands(MODIFIERS.get(call.name), call)

    def operands(self, row: Operator | None, call: Call) -> None:
        if row is not None and row.names_branches:
            return
        for index, arg in enumerate(call.args):
            need = row.slot(index).needs if row is not None and row.slots else None
            self.expression(arg, _KINDS.get(need or "", "common"))

    def name(self, name: str, kind: Kind) -> None:
        if name in self.variables:
            alone = self.variables[name]
            if alone is not None:
                self.resolved(alone, kind)
        else:
            self.outside(name, kind)

    def resolved(self, alone: Expr, kind: Kind) -> None:
        """What a variable stands for: no variable, even if one of that name was set later."""
        if isinstance(alone, Name):
            self.outside(alone.text, kind)
        else:
            self.expression(alone, kind)

    def outside(self, name: str, kind: Kind) -> None:
        if name in self.chains:
            self.includes.add(name)
        else:
            self.component(name, kind)

    def component(self, name: str, kind: Kind) -> None:
        if name not in self.found:
            self.found[name] = Named(name, kind, read_only=kind != "common")
