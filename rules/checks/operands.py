"""Checks the operands and the place of one operator by its row of the table.

For `rules.checks.kinds`. Categories: `arity`, `operand_type`, `argument_type`, `caller_type`,
`range`, `structure`, `duplicate_else`, `duplicate_part`, `unknown_ref`, `unknown_function`;
warnings `odd_place`, and `structure` for a SWITCH that nothing can be chosen from.
"""

from collections.abc import Collection, Sequence
from typing import Final

from rules.checks.names import Names
from rules.checks.resolve import did_you_mean
from rules.checks.terms import Constant, Term, identity
from rules.el.ast import Call, Expr
from rules.el.findings import quoted
from rules.el.operators.kinds import INCOMPLETE, KIND_WORDS, MISSING, UNKNOWN
from rules.el.operators.rows import Operator, Slot
from rules.el.operators.table import BY_NAME

_NO_TARGET: Final = "this SWITCH has no TO and no DEFAULT: it fails when it is run"
_NO_BODY: Final = "this loop has no DO"


class Operands:
    """Checks operands and reports what does not fit."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.findings = names.findings

    def fit(
        self, row: Operator, call: Call, args: list[Term], parts: frozenset[str]
    ) -> frozenset[str]:
        """Check operands against the row; return the parts that are taken then.

        An unknown component among `args` gives way to the fallback of the kind that it needs.
        """
        slots = row.slots
        last = len(slots) - 1
        if len(args) < row.at_least or (len(args) > len(slots) and not row.repeats):
            self.wrong_arity(row, call)
        if row.before in parts:
            message = f"{call.name} cannot stand behind {row.before}"
            self.findings.error(row.taken, message, call.start, call.end)
        for index, arg in enumerate(args):
            if index > last and not row.repeats:
                break
            slot = slots[index if index < last else last]
            if arg.kind not in slot.accepts and arg.kind != UNKNOWN:
                args[index] = self.misfit(call, slot, arg)
            elif slot.bounds is not None:
                self.check_bounds(call, slot, arg)
            if slot.part is not None:
                if slot.part in parts:
                    message = f"this expression has its {slot.part} already"
                    self.findings.error(slot.taken, message, call.start, call.end)
                parts |= {slot.part}
        return parts

    def misfit(self, call: Call, slot: Slot, arg: Term) -> Term:
        """What does not simply fit its slot: say why, or put a fallback in its place."""
        kind = arg.kind
        if kind == MISSING and slot.needs is not None:
            return self.names.stand_in(arg, slot.needs)
        if INCOMPLETE.get(kind) in slot.accepts:
            self.incomplete(arg)
        elif kind in slot.odd:
            message = f"{self.source(arg)} is {KIND_WORDS[kind]}: {slot.odd[kind]}"
            self.findings.warning("odd_place", message, arg.start, arg.end)
        elif kind in slot.misplaced:
            message = f"{KIND_WORDS[kind]} cannot stand directly in {call.name}"
            mend = slot.misplaced[kind]
            self.findings.error("structure", message, arg.start, arg.end, hint=mend)
        else:
            message = (
                f"{call.name} expects {slot.words} here, "
                f"but {self.source(arg)} is {KIND_WORDS[kind]}"
            )
            hint = slot.hints.get(kind)
            self.findings.error(slot.category, message, arg.start, arg.end, hint=hint)
        return arg

    def incomplete(self, term: Term) -> None:
        """Report an expression that lacks a part: a loop is refused, a SWITCH compiles as on
        LiteFlow, since a chain that is brought from there may never come to it.
        """
        if term.kind == "open_choice":
            report, message, example = self.findings.warning, _NO_TARGET, "SWITCH(s).TO(a, b)"
        else:
            report, message, example = self.findings.error, _NO_BODY, "FOR(3).DO(a)"
        report("structure", message, term.start, term.end, hint=f"for example {example}")

    def check_bounds(self, call: Call, slot: Slot, arg: Term) -> None:
        """Report a number that is out of its range."""
        value = arg.subject.value if isinstance(arg.subject, Constant) else None
        if slot.bounds is None or not isinstance(value, int | float):
            return
        low, high = slot.bounds
        if not low <= value <= high:
            message = f"{call.name} expects {slot.words}, but this is {value}"
            self.findings.error("range", message, arg.start, arg.end)

    def check_branches(self, args: Sequence[Term], branches: Collection[str]) -> None:
        """Report operands that name no branch."""
        for arg in args:
            if arg.kind == UNKNOWN or self.findings.full:
                continue
            name = identity(arg)[0]
            if isinstance(arg.subject, Constant):
                name = str(arg.subject.value)
                if arg.kind != "string":
                    continue
            if name not in branches:
                message = f"none of the branches is {quoted(name)}"
                hint = did_you_mean(name, branches)
                self.findings.error("unknown_ref", message, arg.start, arg.end, hint=hint)

    def wrong_arity(self, row: Operator, call: Call) -> None:
        """Report too few or too many operands."""
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
        """Report a modifier that cannot follow what stands before it."""
        message = f".{call.name} cannot stand behind {KIND_WORDS[kind]}"
        hint = f"it belongs behind {row.behind}"
        self.findings.error("caller_type", message, call.start, call.end, hint=hint)

    def unknown_operator(self, call: Call, form: str) -> None:
        """Report a name that no operator of this form has."""
        if self.findings.full:
            return
        name, hint = call.name, None
        row = BY_NAME.get(name)
        if row is not None:
            message = f"{name} is a {row.form}, not a {form}"
            hint = f"for example {row.example}"
        else:
            message = f"there is no operator {quoted(name)}"
            if name in self.names.components or name in self.names.scope.chains:
                hint = f"components and chains stand without parentheses: {name}"
            else:
                hint = did_you_mean(name, BY_NAME)
        end = call.start + len(name)
        self.findings.error("unknown_function", message, call.start, end, hint=hint)

    def source(self, part: Term | Expr) -> str:
        """The text of a part, as messages show it."""
        return quoted(self.findings.text[part.start : part.end])
