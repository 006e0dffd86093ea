"""What a name in a chain's text stands for: a variable, a component or a chain.

For `rules.checks.kinds`. Categories: `unknown_ref`, `cyclic`, `placeholder_missing`, `structure`,
`script`; warnings `shadowing` and `fallback`.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from rules.checks.known import Known
from rules.checks.resolve import CURRENT_CHAIN, did_you_mean
from rules.checks.terms import Constant, StandIn, Term, Unit
from rules.el.ast import Name
from rules.el.findings import Findings, quoted
from rules.el.operators.kinds import KIND_WORDS, MISSING, UNKNOWN


class Scope(NamedTuple):
    """What a chain's text may refer to.

    `chains` has the names of all chains, `units` those that were checked. `cycles` has the chains
    that this one must not refer to, each with the circle that this would close.
    """

    components: Mapping[str, Known]
    chains: Collection[str]
    units: Mapping[str, Unit]
    cycles: Mapping[str, tuple[str, ...]]


def absorbable(policy: Known) -> bool:
    """Whether the component may have its strategy: a head cannot ignore that it has no answer."""
    on_failure = policy.on_failure
    ignores = on_failure.strategy == "IGNORE" or on_failure.default == "skip"
    return policy.kind == "common" or not ignores


class Names:
    """The names of one chain's text, variables as far as they were assigned."""

    def __init__(self, scope: Scope, findings: Findings) -> None:
        self.scope = scope
        self.components = scope.components
        self.findings = findings
        self.variables = {CURRENT_CHAIN: Term("string", Constant(findings.chain), 0, 0)}
        self._uncompensated: set[str] = set()
        self._unusable_ones: set[str] = set()
        self._fallbacks: dict[str, Known] | None = None

    def assign(self, target: Name, term: Term) -> None:
        """Note a variable."""
        name = target.text
        hidden = "component" if name in self.components else "chain"
        if name in self.components or name in self.scope.chains:
            message = f"the variable {quoted(name)} hides the {hidden} of that name"
            self.findings.warning("shadowing", message, target.start, target.end)
        self.variables[name] = term

    def term(self, expr: Name) -> Term:
        """The term of a name."""
        name = expr.text
        variable = self.variables.get(name)
        if variable is not None:
            return variable._replace(start=expr.start, end=expr.end)
        policy = self.components.get(name)
        if policy is None:
            return self._chain(expr)
        self._check_policy(policy, expr.start, expr.end)
        return Term(policy.kind, policy, expr.start, expr.end, 1, 1)

    def node(self, name: str, start: int, end: int) -> Term:
        """The term of `node("name")`; an unknown one is open until its place is known."""
        policy = self.components.get(name)
        if policy is not None:
            self._check_policy(policy, start, end)
            return Term(policy.kind, policy, start, end, 1, 1)
        if self._fallback_components():
            return Term(MISSING, StandIn(name), start, end, 1, 1)
        if not self.findings.full:
            hint = did_you_mean(name, self.components)
            if name in self.scope.chains:
                hint = "a chain of that name stands without node()"
            message = f"there is no component {quoted(name)}"
            self.findings.error("unknown_ref", message, start, end, hint=hint)
        return Term(UNKNOWN, None, start, end)

    def stand_in(self, term: Term, kind: str) -> Term:
        """The term of an unknown component in a place that needs this kind of component."""
        if not isinstance(term.subject, StandIn):
            return term
        name = term.subject.name
        policy = self._fallback_components().get(kind)
        if policy is None:
            message = (
                f"there is no component {quoted(name)}, and no fallback that is {KIND_WORDS[kind]}"
            )
            hint = did_you_mean(name, self.components)
            self.findings.error("unknown_ref", message, term.start, term.end, hint=hint)
            return term._replace(kind=UNKNOWN, subject=None)
        self._check_policy(policy, term.start, term.end)
        message = f"there is no component {quoted(name)}; {quoted(policy.id)} stands in for it"
        self.findings.warning("fallback", message, term.start, term.end)
        return term._replace(kind=kind, subject=StandIn(name, policy))

    def _fallback_components(self) -> Mapping[str, Known]:
        if self._fallbacks is None:
            self._fallbacks = {}
            for policy in self.components.values():
                if policy.fallback:
                    self._fallbacks.setdefault(policy.kind, policy)
        return self._fallbacks

    def _check_policy(self, policy: Known, start: int, end: int) -> None:
        if policy.problem is not None:
            self._unusable(policy, start, end)
        if policy.compensate is not None:
            undoing = self.components.get(policy.compensate)
            if undoing is None:
                self._no_compensation(policy.id, policy.compensate, start, end)
            elif undoing.problem is not None:
                self._unusable(undoing, start, end)
        if policy.kind != "common" and not absorbable(policy):
            message = f"{quoted(policy.id)} is a condition and cannot ignore that it has no answer"
            hint = "give it another on_failure than IGNORE, and no default of skip"
            self.findings.error("structure", message, start, end, hint=hint)

    def _unusable(self, policy: Known, start: int, end: int) -> None:
        if policy.id not in self._unusable_ones:
            self._unusable_ones.add(policy.id)
            message = f"the script {quoted(policy.id)} cannot be used: {policy.problem}"
            self.findings.error("script", message, start, end)

    def _no_compensation(self, name: str, compensation: str, start: int, end: int) -> None:
        if name not in self._uncompensated and not self.findings.full:
            self._uncompensated.add(name)
            message = f"the compensation {quoted(compensation)} of {quoted(name)} is unknown"
            hint = did_you_mean(compensation, self.components)
            self.findings.error("unknown_ref", message, start, end, hint=hint)

    def _chain(self, expr: Name) -> Term:
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
            category = "unknown_ref"
            if unit.template:
                message = f"the chain {quoted(name)} is a template and cannot be included"
                category = "placeholder_missing"
            self.findings.error(category, message, expr.start, expr.end, hint=unit.problem)
        else:
            body = unit.body
            size, levels, marks = body.size + 1, body.levels + 2, body.marks
            return Term("chain", unit, expr.start, expr.end, size, levels, marks=marks)
        return Term(UNKNOWN, None, expr.start, expr.end)
