"""Checks what stands where: names, operators, operand kinds, arity. Makes terms of the tree.

For the compiler. All it knows of operators is their row in the table. Categories: those of
`rules.checks.names` and `rules.checks.operands`, `unsupported_host`, `range`, `empty` and
`not_a_condition`, `route_operand` (EL reference sections 9.1 and 13); warnings
`discarded_statement`, `ignored`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from rules.checks.growing import Growing
from rules.checks.literals import NotComputableError, Value, compute
from rules.checks.names import Names, Scope
from rules.checks.operands import Operands
from rules.checks.terms import Applied, Constant, Term
from rules.el.ast import Arithmetic, Assignment, Broken, Call, Chained, Expr, Literal, Name, Script
from rules.el.findings import Findings, quoted
from rules.el.operators.kinds import (
    EXPRESSIONS,
    INCOMPLETE,
    KIND_WORDS,
    MISSING,
    UNKNOWN,
)
from rules.el.operators.rows import Operator
from rules.el.operators.slots import CONDITION
from rules.el.operators.table import FUNCTIONS, MODIFIERS
from rules.errors import Span

_VALUE_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "truth",
    int: "integer",
    float: "float",
    type(None): "null",
}
_NO_PARTS: Final[frozenset[str]] = frozenset()


def check(script: Script, scope: Scope, findings: Findings) -> Term | None:
    """Check a whole text and return the term of its last statement, which is the chain.

    None when there is no statement. The term is only fit for use if `findings` has no error.
    """
    checker = _Checker(scope, findings)
    term = checker.script(script)
    if term is not None:
        checker.check_body(term)
    return term


def check_route(script: Script, scope: Scope, findings: Findings) -> Term | None:
    """Check the text of a route, and return the term of its last statement: what is asked."""
    checker = _Checker(scope, findings)
    term = checker.script(script)
    return None if term is None else checker.check_asked(term)


class _Checker:
    def __init__(self, scope: Scope, findings: Findings) -> None:
        self.scope = scope
        self.findings = findings
        self.names = Names(scope, findings)
        self.operands = Operands(self.names)

    def script(self, script: Script) -> Term | None:
        term = None
        last = len(script.statements) - 1
        for index, statement in enumerate(script.statements):
            term = self.term(statement.value)
            if statement.target is not None:
                self.names.assign(statement.target, term)
            elif index != last:
                message = "this statement is discarded; only the last one is the chain"
                self.findings.warning("discarded_statement", message, term.start, term.end)
        if term is None and not self.findings.failed:
            self.findings.error("empty", "the chain is empty", 0, len(self.findings.text))
        return term

    def check_body(self, term: Term) -> None:
        if term.kind in INCOMPLETE:
            self.operands.incomplete(term)
        elif term.kind not in EXPRESSIONS and term.kind != UNKNOWN:
            message = f"a chain must be an expression, but this is {KIND_WORDS[term.kind]}"
            runs = term.kind in ("common", "chain", MISSING)
            hint = "write THEN(...) around it" if runs else None
            self.findings.error("not_a_condition", message, term.start, term.end, hint=hint)

    def check_asked(self, term: Term) -> Term:
        """Report what is no condition; a fallback may stand in for an unknown component."""
        if term.kind == MISSING:
            return self.names.stand_in(term, "boolean")
        if term.kind not in CONDITION.accepts and term.kind != UNKNOWN:
            message = f"a route must be {CONDITION.words}, but this is {KIND_WORDS[term.kind]}"
            hint = CONDITION.hints.get(term.kind)
            self.findings.error("route_operand", message, term.start, term.end, hint=hint)
        return term

    def term(self, expr: Expr) -> Term:
        """The term of any expression."""
        if isinstance(expr, Name):
            return self.names.term(expr)
        if isinstance(expr, Call):
            return self.function(expr)
        if isinstance(expr, Chained):
            return self.chained(expr)
        if isinstance(expr, Literal):
            kind = _VALUE_KINDS[type(expr.value)]
            return Term(kind, Constant(expr.value), expr.start, expr.end)
        if isinstance(expr, Arithmetic):
            return self.arithmetic(expr)
        if isinstance(expr, Assignment):
            value = self.term(expr.value)
            self.names.assign(expr.target, value)
            return value
        return Term(UNKNOWN, None, expr.start, expr.end)

    def arithmetic(self, expr: Arithmetic) -> Term:
        broken = Term(UNKNOWN, None, expr.start, expr.end)
        values: list[Value] = []
        for operand in expr.operands:
            if not isinstance(operand, Literal | Arithmetic):
                if not isinstance(operand, Broken):
                    self.not_computable(expr, operand)
                return broken
            subject = self.term(operand).subject
            if not isinstance(subject, Constant):
                return broken
            values.append(subject.value)
        try:
            value = compute(values, expr.signs)
        except NotComputableError as problem:
            self.findings.error(problem.category, str(problem), expr.start, expr.end)
            return broken
        return Term(_VALUE_KINDS[type(value)], Constant(value), expr.start, expr.end)

    def not_computable(self, expr: Arithmetic, operand: Expr) -> None:
        text = self.findings.text[expr.start : expr.end]
        if text in self.scope.components or text in self.scope.chains:
            hint = f"{quoted(text)} exists, but an id with such a sign cannot be referred to"
        else:
            hint = "EL is data here, nothing is computed when the chain runs"
        source = self.operands.source(operand)
        message = f"only literals can be computed with, and {source} is none"
        self.findings.error("unsupported_host", message, expr.start, expr.end, hint=hint)

    def function(self, call: Call) -> Term:
        row = FUNCTIONS.get(call.name)
        args = self.terms(call)
        if row is None:
            self.operands.unknown_operator(call, "function")
            return Term(UNKNOWN, None, call.start, call.end)
        parts = self.operands.fit(row, call, args, _NO_PARTS)
        if row.result == MISSING:
            return self.reference(call, args)
        size, levels, marks = row.nodes, row.levels, 0
        for arg in args:
            size += arg.size
            levels = max(levels, row.levels + arg.levels)
            marks += arg.marks
        subject = Applied(row, tuple(args))
        return Term(row.result, subject, call.start, call.end, size, levels, (), parts, marks)

    def reference(self, call: Call, args: Sequence[Term]) -> Term:
        """The component that `node("id")` names."""
        name = args[0].subject if args else None
        if not isinstance(name, Constant) or not isinstance(name.value, str):
            return Term(UNKNOWN, None, call.start, call.end)
        return self.names.node(name.value, call.start, call.end)

    def chained(self, expr: Chained) -> Term:
        base = self.term(expr.base)
        grown = Growing(base)
        for call in expr.modifiers:
            row = MODIFIERS.get(call.name)
            args = self.terms(call)
            if row is None:
                self.operands.unknown_operator(call, "modifier")
                # It may have been meant as the part that is lacking.
                grown.kind = INCOMPLETE.get(grown.kind, grown.kind)
            elif grown.kind not in row.receivers and grown.kind != UNKNOWN:
                self.operands.wrong_receiver(row, call, grown.kind)
            else:
                grown.parts = self.operands.fit(row, call, args, grown.parts)
                if row.around:
                    self.wrap(grown, Span(expr.start, call.start - 1))
                branches = self.branches(grown, row, args) if row.names_branches else ()
                if row.ignored is not None:
                    message = f"{call.name} is ignored: {row.ignored}"
                    self.findings.warning("ignored", message, call.start, call.end)
                grown.add(Applied(row, tuple(args), branches))
        return grown.term(expr.start, expr.end)

    def wrap(self, grown: Growing, before: Span) -> None:
        """Make sure that what stands before a modifier is whole, since it is closed by it."""
        if grown.kind in INCOMPLETE:
            self.operands.incomplete(grown.term(before.start, before.end))
        elif grown.kind == MISSING:
            grown.replace(self.names.stand_in(grown.term(before.start, before.end), "common"))

    def branches(self, grown: Growing, row: Operator, args: Sequence[Term]) -> tuple[str, ...]:
        """The ids of the branches that a modifier names."""
        found = grown.named_branches()
        if not row.around:
            self.operands.check_branches(args, grown.branch_set)
        return found

    def terms(self, call: Call) -> list[Term]:
        # A comprehension would be one more frame for every level of nesting.
        args = []
        for arg in call.args:
            args.append(self.term(arg))
        return args
