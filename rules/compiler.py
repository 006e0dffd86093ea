"""Compiles a chain's EL text into a plan: the one verb, which runs the stages in order.

For the rule source, the API and the command. Reads chains and components from what it is given;
must not know where they are kept. Stages: parse every chain that is reached, order them, check
them from the leaves up, lower the root, check outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from rules.checks.kinds import check
from rules.checks.limits import (
    DEFAULT_LIMITS,
    Limits,
    check_given,
    check_plan,
    check_size,
    check_text,
)
from rules.checks.names import Scope
from rules.checks.outputs import check_outputs
from rules.checks.resolve import Order, order, references
from rules.checks.terms import Term, Unit
from rules.el.ast import Script
from rules.el.findings import Findings
from rules.el.parser import parse
from rules.errors import ChainInvalid, Diagnostic
from rules.lower.lowering import Lowering
from rules.lower.rows import ROWS
from rules.lower.scope import Scope as LoweringScope
from rules.plan import ComponentPolicy, Plan

NULLS: Final = 250
"""Bytes that the absent fields of a plan node take at most."""
POLICY: Final = 4096
"""More bytes than a component's policy takes, but for odd ones."""


@dataclass(frozen=True, slots=True)
class ChainText:
    """One chain as its author wrote it."""

    name: str
    text: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class Compiled:
    """A chain that compiles.

    `includes` names the chains that its text refers to, directly or through others: a change of
    one of them, or of its version, changes the plan. `warnings` are about this chain's text only.
    """

    plan: Plan
    warnings: tuple[Diagnostic, ...]
    includes: frozenset[str]


def compile_chain(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits = DEFAULT_LIMITS,
    when_max_wait: int | None = None,
) -> Compiled:
    """Compile the chain `name`, which must be one of `chains`.

    `when_max_wait` is the limit, in milliseconds, of a WHEN that says none itself.

    Raises `ChainInvalid` with all diagnostics of its text; a chain that it includes and that does
    not compile is one `unknown_ref` (EL reference sections 9.1 and 13). KeyError without `name`.
    """
    compiled, findings = _compile(name, chains, components, limits, when_max_wait)
    if compiled is None:
        raise ChainInvalid(name, findings.diagnostics())
    return compiled


def check_chain(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Diagnostic, ...]:
    """Errors and warnings of the chain `name`, in the order of its text; raises no ChainInvalid."""
    return _compile(name, chains, components, limits, None)[1].diagnostics()


@dataclass(frozen=True, slots=True)
class _Parsed:
    source: ChainText
    script: Script
    findings: Findings
    refers_to: tuple[str, ...]


def _compile(
    name: str,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits,
    when_max_wait: int | None,
) -> tuple[Compiled | None, Findings]:
    parsed = _parse_reached(name, chains, components, limits)
    referred = {chain: text.refers_to for chain, text in parsed.items()}
    units = _check_all(order(name, referred), parsed, chains, components, limits)
    findings, unit = parsed[name].findings, units[name]
    if unit.body is None:
        return None, findings
    lowering = Lowering(ROWS, when_max_wait=when_max_wait, most_given=limits.given)
    root = lowering.node(unit.body, LoweringScope())
    check_given(lowering.given, findings, limits)
    if findings.failed:
        return None, findings
    called = lowering.components
    if any(policy.needs.outputs for policy in called.values()):
        check_outputs(root, called, lowering.places, findings)
        if findings.failed:
            return None, findings
    for policy in tuple(called.values()):
        if policy.compensate is not None:
            called.setdefault(policy.compensate, components[policy.compensate])
    includes = frozenset(parsed) - {name}
    versions = {chain: chains[chain].version for chain in (name, *sorted(includes))}
    text = root.model_dump_json(exclude_none=True).encode()
    plan = Plan(
        chain=name,
        version=chains[name].version,
        sha=_sha(text, versions),
        root=root,
        components=called,
        nodes=unit.body.size,
    )
    # Measured only where it can matter; a start measures every plan.
    if len(text) + plan.nodes * NULLS + len(called) * POLICY > limits.plan:
        check_plan(plan, findings, limits)
        if findings.failed:
            return None, findings
    return Compiled(plan, findings.diagnostics(), includes), findings


def _parse_reached(
    root: str,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits,
) -> dict[str, _Parsed]:
    """Parse a chain and all that it refers to, directly or through others."""
    parsed: dict[str, _Parsed] = {}
    pending = [root]
    while pending:
        name = pending.pop()
        if name in parsed:
            continue
        source = chains[name]
        findings = Findings(name, source.text)
        check_text(findings, limits)
        script = Script(())
        if not findings.failed:
            script = parse(source.text, findings, depth=limits.depth)
        refers_to = dict.fromkeys(ref.text for ref in references(script, components, chains))
        parsed[name] = _Parsed(source, script, findings, tuple(refers_to))
        pending.extend(refers_to)
    return parsed


def _check_all(
    ordered: Order,
    parsed: Mapping[str, _Parsed],
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits,
) -> dict[str, Unit]:
    """Check every chain, those first that others refer to."""
    units: dict[str, Unit] = {}
    for name in ordered.chains:
        text = parsed[name]
        cycles = ordered.cycles.get(name, {})
        scope = Scope(components, chains, units, cycles)
        term = check(text.script, scope, text.findings)
        if term is not None:
            check_size(term, text.findings, limits)
        circle = next(iter(cycles.values()), ())
        units[name] = _unit(text, term, units, circle)
    return units


def _unit(
    text: _Parsed, term: Term | None, units: Mapping[str, Unit], circle: tuple[str, ...]
) -> Unit:
    for chain in text.refers_to:
        if chain in units:
            circle = circle or units[chain].circle
    first = text.findings.first_error
    problem = None
    if first is not None:
        problem = f"{first.chain}:{first.line}:{first.column}: {first.message}"
        term = None
    return Unit(text.source.name, term, problem, circle)


def _sha(text: bytes, versions: Mapping[str, int]) -> str:
    """SHA-256 in hex over the canonical plan and the versions of the chains in it.

    Fields that are None are left out, so that a plan keeps its hash when optional ones are added.
    """
    digest = sha256(text)
    for chain, version in versions.items():
        digest.update(f"\n{chain}@{version}".encode())
    return digest.hexdigest()
