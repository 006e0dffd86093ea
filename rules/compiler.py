"""Compiles a chain's EL text into a plan: the one verb, which runs the stages in order.

For the rule source, the API and the command. Reads chains and components from what it is given;
must not know where they are kept. Stages: fill and parse every chain that is reached, order them,
check them from the leaves up, lower the root, check outputs. The lint runs when warnings are asked
for. A route goes the same way by itself.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from rules.checks.chains import ChainText, Parsed, check_text_of
from rules.checks.limits import DEFAULT_LIMITS, Limits, check_given, check_plan
from rules.checks.outputs import check_outputs
from rules.checks.routes import check_route_of
from rules.checks.terms import Term, Unit
from rules.el.findings import Findings
from rules.errors import ChainInvalid, Diagnostic
from rules.lower.lowering import Lowering
from rules.lower.rows import ROWS
from rules.lower.scope import Scope as LoweringScope
from rules.measuring import json_size
from rules.plan import ComponentPolicy, Plan
from rules.templates import Written

NULLS: Final = 250
"""Bytes that the absent fields of a plan node take at most."""
POLICY: Final = 4096
"""More bytes than a component's policy takes, but for odd ones and scripts."""
ESCAPED: Final = 6
"""Bytes that one character takes in JSON at most."""

__all__ = ["ChainText", "Compiled", "check_chain", "compile_chain", "compile_route"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A chain that compiles.

    `includes` names the chains that its text refers to or extends, directly or through others: a
    change of one of them, or of its version, changes the plan. `found` is what the compiler warns
    of, in this chain's text only; `places` has start and end of each step in it by `id(node)`,
    `written` where its parts stand if it was filled.
    """

    plan: Plan
    found: tuple[Diagnostic, ...]
    includes: frozenset[str]
    text: str
    written: Written | None
    places: Mapping[int, tuple[int, int]]

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the compiler and the lint warn of, in the order of the text.

        Worked out when it is asked for: a start does not need it.
        """
        return self.linted(None)

    def linted(
        self, deployed: Collection[str] | None, *, assumed: bool = False
    ) -> tuple[Diagnostic, ...]:
        """The warnings, for a deployment that serves these components (all, if None).

        `assumed`: nobody told what the components are, so that their policies mean nothing.
        """
        # Only who asks for warnings pays for loading the lint.
        from rules.lint.report import lint  # noqa: PLC0415

        more = lint(
            self.plan,
            self.text,
            self.places,
            deployed=deployed,
            assumed=assumed,
            written=self.written,
        )
        return tuple(sorted((*self.found, *more), key=lambda one: (one.span.start, one.span.end)))


def compile_chain(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits = DEFAULT_LIMITS,
    when_max_wait: int | None = None,
) -> Compiled:
    """Compile the chain `name`, which must be one of `chains`; its route plays no part.

    `when_max_wait` is the limit, in milliseconds, of a WHEN that says none itself.

    Raises `ChainInvalid` with all diagnostics of its text, filled if it extends another one. A
    chain that it includes and that does not compile is one `unknown_ref`, a template is one
    `placeholder_missing` (EL reference sections 9.1 and 13). KeyError without `name`.
    """
    parsed, unit = check_text_of(name, chains=chains, components=components, limits=limits)
    compiled = _compile(parsed, unit, chains, components, limits=limits, when=when_max_wait)
    if compiled is None:
        raise ChainInvalid(name, parsed[name].findings.diagnostics())
    return compiled


def compile_route(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits = DEFAULT_LIMITS,
) -> Plan:
    """The route of the chain `name` as a plan; what its root answers says whether it matches.

    Raises `ChainInvalid` with all diagnostics of the route. KeyError without `name`.
    """
    term, findings = check_route_of(name, chains=chains, components=components, limits=limits)
    plan = None
    if term is not None:
        lowering = Lowering(ROWS, when_max_wait=None, most_given=limits.given)
        versions = {name: chains[name].version}
        plan = _plan(term, lowering, versions, components, findings=findings, limits=limits)
    if plan is None:
        raise ChainInvalid(name, findings.diagnostics())
    return plan


def check_chain(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits = DEFAULT_LIMITS,
    when_max_wait: int | None = None,
    deployed: Collection[str] | None = None,
    edited: Callable[[Plan], Plan] | None = None,
) -> tuple[Diagnostic, ...]:
    """Errors and warnings of the chain `name` and of its route; raises no ChainInvalid.

    A template is not wrong: what is open in it is told as `info`. `when_max_wait` as in
    `compile_chain`. `deployed` are the components that workers serve, if those are not all of
    `components`; `edited` gives the plan the policies that somebody has edited.
    """
    parsed, unit = check_text_of(name, chains=chains, components=components, limits=limits)
    compiled = _compile(parsed, unit, chains, components, limits=limits, when=when_max_wait)
    if compiled is not None:
        plan = compiled.plan if edited is None else edited(compiled.plan)
        found = replace(compiled, plan=plan).linted(deployed)
    elif parsed[name].template:
        found = tuple(replace(one, severity="info") for one in parsed[name].findings.diagnostics())
    else:
        found = parsed[name].findings.diagnostics()
    if not chains[name].routed:
        return found
    try:
        compile_route(name, chains=chains, components=components, limits=limits)
    except ChainInvalid as invalid:
        return (*invalid.diagnostics, *found)
    return found


def _compile(
    parsed: Mapping[str, Parsed],
    unit: Unit,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    *,
    limits: Limits,
    when: int | None,
) -> Compiled | None:
    findings = parsed[unit.name].findings
    if unit.body is None:
        return None
    bases = (base for text in parsed.values() for base in text.bases)
    includes = frozenset((*parsed, *bases)) - {unit.name}
    versions = {chain: chains[chain].version for chain in (unit.name, *sorted(includes))}
    lowering = Lowering(ROWS, when_max_wait=when, most_given=limits.given)
    plan = _plan(unit.body, lowering, versions, components, findings=findings, limits=limits)
    if plan is None:
        return None
    found, text = findings.diagnostics(), findings.text
    return Compiled(plan, found, includes, text, findings.written, lowering.places)


def _plan(
    body: Term,
    lowering: Lowering,
    versions: Mapping[str, int],
    components: Mapping[str, ComponentPolicy],
    *,
    findings: Findings,
    limits: Limits,
) -> Plan | None:
    """The plan of a checked text.

    `versions` has that of its chain, which is the first, and those of the others in it.
    """
    root = lowering.node(body, LoweringScope())
    check_given(lowering.given, findings, limits)
    if findings.failed:
        return None
    called = lowering.components
    if any(policy.needs.outputs for policy in called.values()):
        check_outputs(root, called, lowering.places, findings)
        if findings.failed:
            return None
    for policy in tuple(called.values()):
        if policy.compensate is not None:
            called.setdefault(policy.compensate, components[policy.compensate])
    dumped = root.model_dump_json(exclude_none=True).encode()
    name = next(iter(versions))
    plan = Plan(
        chain=name,
        version=versions[name],
        sha=_sha(dumped, versions, called),
        root=root,
        components=called,
        nodes=body.size,
    )
    # Measured only where it can matter; a start measures every plan.
    scripts = sum(len(policy.script.text) for policy in called.values() if policy.script)
    most = len(dumped) + plan.nodes * NULLS + len(called) * POLICY + scripts * ESCAPED
    if most > limits.plan:
        check_plan(json_size(plan), findings, limits)
        if findings.failed:
            return None
    return plan


def _sha(text: bytes, versions: Mapping[str, int], called: Mapping[str, ComponentPolicy]) -> str:
    """SHA-256 in hex over the canonical plan, the versions of the chains in it, and its scripts.

    Fields that are None are left out, so that a plan keeps its hash when optional ones are added.
    """
    digest = sha256(text)
    for chain, version in versions.items():
        digest.update(f"\n{chain}@{version}".encode())
    for policy in called.values():
        if policy.script is not None:
            digest.update(f"\n{policy.id}#{policy.script.sha}".encode())
    return digest.hexdigest()
