"""Checks what stands where: names, operators, operand kinds, arity. Makes terms of the tree.

For the compiler. All it knows of operators is their row in the table. Categories: `unknown_ref`,
`unknown_function`, `arity`, `operand_type`, `argument_type`, `caller_type`, `duplicate_else`,
`duplicate_part`, `cyclic`, `not_a_condition` (EL reference sections 9.1 and 13).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rules.checks.literals import NotComputableError, Value, compute
from rules.checks.resolve import CURRENT_CHAIN, did_you_mean
from rules.checks.terms import Applied, Constant, Term, Unit
from rules.el.ast import Arithmetic, Broken, Call, Chained, Expr, Literal, Name, Script
from rules.el.findings import Findings, quoted
from rules.el.operators import (
    BY_NAME,
    COMPONENTS,
    EXPRESSIONS,
    FUNCTIONS,
    KIND_WORDS,
    MODIFIERS,
    PLANNED,
    UNKNOWN,
    Operator,
)
from rules.plan import ComponentPolicy, FailureStrategy

_VALUE_KINDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "truth",
    int: "integer",
    float: "float",
    type(None): "null",
}
_NO_PARTS: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a chain's text may refer to.

    `chains` has the names of all chains, `units` those that were checked. `cycles` has the chains
    that this one must not refer to, each with the circle that this would close.
    """

    components: Mapping[str, ComponentPolicy]
    chains: Collection[str]
    units: Mapping[str, Unit]
    cycles: Mapping[str, tuple[str, ...]]


def check(script: Script, scope: Scope, findings: Findings) -> Term | None:
    """Check a whole text and return the term of its last statement, which is the chain.

    None when there is no statement. The term is only fit for use if `findings` has no error.
    """
    return _Checker(scope, findings).script(script)


def absorbable(policy: ComponentPolicy) -> bool:
    """Whether the component may have its strategy: a head cannot ignore that it has no answer."""
    on_failure = policy.on_failure
    ignores = on_failure.strategy is FailureStrategy.IGNORE or on_failure.default == "skip"
    return policy.kind == "common" or not ignores


class _Checker:
    def __init__(self, scope: Scope, findings: Findings) -> None:
        self.scope = scope
        self.components = scope.components
        self.findings = findings
        self.variables = {CURRENT_CHAIN: Term("string", Constant(findings.chain), 0, 0)}
        self.uncompensated: set[str] = set()

    def script(self, script: Script) -> Term | None:
        term = None
        last = len(script.statements) - 1
        for index, statement in enumerate(script.statements):
            term = self.term(statement.value)
            if statement.target is not None:
                self.assign(statement.target, term)
            elif index != last:
                message = "this statement is discarded; only the last one is the chain"
                self.findings.warning("discarded_statement", message, term.start, term.end)
        if term is None:
            if not self.findings.failed:
                self.findings.error("empty", "the chain is empty", 0, len(self.findings.text))
        elif not self.is_body(term):
            message = f"a chain must be an expression, but this is {KIND_WORDS[term.kind]}"
            hint = "write THEN(...) around it" if term.size else None
            self.findings.error("not_a_condition", message, term.start, term.end, hint=hint)
        return term

    def is_body(self, term: Term) -> bool:
        if term.kind in EXPRESSIONS or term.kind == UNKNOWN:
            return True
        return any(term.kind in modifier.row.makes_body for modifier in term.modifiers)

    def assign(self, target: Name, term: Term) -> None:
        name = target.text
        hidden = "component" if name in self.components else "chain"
        if name in self.components or name in self.scope.chains:
            message = f"the variable {quoted(name)} hides the {hidden} of that name"
            self.findings.warning("shadowing", message, target.start, target.end)
        self.variables[name] = term

    def term(self, expr: Expr) -> Term:
        """The term of any expression."""
        if isinstance(expr, Name):
            return self.name(expr)
        if isinstance(expr, Call):
            return self.function(expr)
        if isinstance(expr, Chained):
            return self.chained(expr)
        if isinstance(expr, Literal):
            kind = _VALUE_KINDS[type(expr.value)]
            return Term(kind, Constant(expr.value), expr.start, expr.end)
        if isinstance(expr, Arithmetic):
            return self.arithmetic(expr)
        return Term(UNKNOWN, None, expr.start, expr.end)

    def name(self, expr: Name) -> Term:
        name = expr.text
        variable = self.variables.get(name)
        if variable is not None:
            return replace(variable, start=expr.start, end=expr.end)
        policy = self.components.get(name)
        if policy is None:
            return self.chain(expr)
        if policy.compensate is not None and policy.compensate not in self.components:
            self.no_compensation(expr, policy.compensate)
        if not absorbable(policy):
            message = f"{quoted(name)} is a condition and cannot ignore that it has no answer"
            hint = "give it another on_failure than IGNORE, and no default of skip"
            self.findings.error("structure", message, expr.start, expr.end, hint=hint)
        return Term(policy.kind, policy, expr.start, expr.end, 1, 1)

    def no_compensation(self, expr: Name, compensation: str) -> None:
        if expr.text not in self.uncompensated and not self.findings.full:
            self.uncompensated.add(expr.text)
            message = f"the compensation {quoted(compensation)} of {quoted(expr.text)} is unknown"
            hint = did_you_mean(compensation, self.components)
            self.findings.error("unknown_ref", message, expr.start, expr.end, hint=hint)

    def chain(self, expr: Name) -> Term:
        """A name that is no variable and no component."""
        name = expr.text
        unit = self.scope.units.get(name)
        circle = self.scope.cycles.get(name) or (unit.circle if unit else ())
        if circle:
            message = f"chains must not run in a circle: {' -> '.join(circle)}"
            self.findings.error("cyclic", message, expr.start, expr.end)
        elif unit is None:
            if not self.findings.full:
                known = [*self.variables, *self.components, *self.scope.chains]
                message = f"there is no component and no chain {quoted(name)}"
                hint = did_you_mean(name, known)
                self.findings.error("unknown_ref", message, expr.start, expr.end, hint=hint)
        elif unit.body is None:
            message = f"the chain {quoted(name)} does not compile"
            self.findings.error("unknown_ref", message, expr.start, expr.end, hint=unit.problem)
        else:
            size, levels = unit.body.size + 1, unit.body.levels + 2
            return Term("chain", unit, expr.start, expr.end, size, levels)
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
        if text in self.components or text in self.scope.chains:
            hint = f"{quoted(text)} exists, but an id with such a sign cannot be referred to"
        else:
            hint = "EL is data here, nothing is computed when the chain runs"
        message = f"only literals can be computed with, and {self.source(operand)} is none"
        self.findings.error("unsupported_host", message, expr.start, expr.end, hint=hint)

    def function(self, call: Call) -> Term:
        row = FUNCTIONS.get(call.name)
        args = self.operands(call)
        if row is None:
            self.unknown_operator(call, "function")
            return Term(UNKNOWN, None, call.start, call.end)
        parts = self.fit(row, call, args, _NO_PARTS)
        size, levels = row.nodes, 0
        for arg in args:
            size += arg.size
            levels = max(levels, arg.levels)
        subject = Applied(row, args)
        return Term(row.result, subject, call.start, call.end, size, levels + row.levels, (), parts)

    def chained(self, expr: Chained) -> Term:
        base = self.term(expr.base)
        kind, parts, size, levels = base.kind, base.parts, base.size, base.levels
        modifiers = list(base.modifiers)
        added = 2
        for modifier in modifiers:
            added += modifier.row.levels
        for call in expr.modifiers:
            row = MODIFIERS.get(call.name)
            args = self.operands(call)
            if row is None:
                self.unknown_operator(call, "modifier")
                continue
            if kind not in row.receivers and kind != UNKNOWN:
                self.wrong_receiver(row, call, kind)
                continue
            parts = self.fit(row, call, args, parts)
            size += row.nodes
            added += row.levels
            for arg in args:
                size += arg.size
                if arg.levels:
                    levels = max(levels, added + arg.levels)
            modifiers.append(Applied(row, args))
        return Term(kind, base.subject, expr.start, expr.end, size, levels, tuple(modifiers), parts)

    def operands(self, call: Call) -> tuple[Term, ...]:
        # A comprehension would be one more frame for every level of nesting.
        args = []
        for arg in call.args:
            args.append(self.term(arg))
        return tuple(args)

    def fit(
        self, row: Operator, call: Call, args: Sequence[Term], parts: frozenset[str]
    ) -> frozenset[str]:
        """Check operands against the row; return the parts that are taken then."""
        if len(args) < row.at_least or (len(args) > len(row.slots) and not row.repeats):
            self.wrong_arity(row, call)
        if row.before in parts:
            message = f"{call.name} cannot stand behind {row.before}"
            self.findings.error(row.taken, message, call.start, call.end)
        for index, arg in enumerate(args if row.repeats else args[: len(row.slots)]):
            slot = row.slot(index)
            if arg.kind not in slot.accepts and arg.kind != UNKNOWN:
                message = (
                    f"{call.name} expects {slot.words} here, "
                    f"but {self.source(arg)} is {KIND_WORDS[arg.kind]}"
                )
                hint = slot.hint if arg.kind in COMPONENTS else None
                self.findings.error(slot.category, message, arg.start, arg.end, hint=hint)
            if slot.part is not None:
                if slot.part in parts:
                    message = f"this expression has its {slot.part} already"
                    self.findings.error(slot.taken, message, call.start, call.end)
                parts |= {slot.part}
        return parts

    def wrong_arity(self, row: Operator, call: Call) -> None:
        if row.repeats:
            takes = f"needs at least {row.at_least}"
        elif row.at_least < len(row.slots):
            takes = f"takes {row.at_least} to {len(row.slots)}"
        else:
            takes = f"takes {row.at_least}"
        noun = "operand" if takes.endswith(" 1") else "operands"
        message = f"{call.name} {takes} {noun}, but has {len(call.args) or 'none'}"
        hint = f"for example {row.example}"
        self.findings.error("arity", message, call.start, call.end, hint=hint)

    def wrong_receiver(self, row: Operator, call: Call, kind: str) -> None:
        message = f".{call.name} cannot stand behind {KIND_WORDS[kind]}"
        hint = None
        if row.receivers <= EXPRESSIONS:
            hint = f"it belongs behind {' or '.join(KIND_WORDS[k] for k in sorted(row.receivers))}"
        self.findings.error("caller_type", message, call.start, call.end, hint=hint)

    def unknown_operator(self, call: Call, form: str) -> None:
        if self.findings.full:
            return
        name, hint = call.name, None
        row = BY_NAME.get(name)
        if row is not None:
            message = f"{name} is a {row.form}, not a {form}"
            hint = f"for example {row.example}"
        elif name in PLANNED:
            message = f"{name} is not supported by this version"
        else:
            message = f"there is no operator {quoted(name)}"
            if name in self.components or name in self.scope.chains:
                hint = f"components and chains stand without parentheses: {name}"
            else:
                hint = did_you_mean(name, [*BY_NAME, *PLANNED])
        end = call.start + len(name)
        self.findings.error("unknown_function", message, call.start, end, hint=hint)

    def source(self, part: Term | Expr) -> str:
        return quoted(self.findings.text[part.start : part.end])
