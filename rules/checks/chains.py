"""Reads and checks a chain's text and all that it includes; makes no plan of it.

For the compiler, and for who only wants to know what is wrong. Must not know plans or policies, so
that it is quick to load.
"""

from collections.abc import Mapping
from typing import NamedTuple

from rules.checks.filling import ChainText, filled
from rules.checks.kinds import check
from rules.checks.known import Known
from rules.checks.limits import DEFAULT_LIMITS, Limits, check_size, check_text
from rules.checks.names import Scope
from rules.checks.resolve import Order, order, references
from rules.checks.terms import Term, Unit
from rules.el.ast import Script
from rules.el.findings import Findings
from rules.el.parser import parse

__all__ = ["ChainText", "Parsed", "check_text_of"]


class Parsed(NamedTuple):
    """A chain's text, filled and read. `findings` has the text and collects what is wrong with it.

    `refers_to` names the chains in it, `bases` those that it extends. A `template` is not to run.
    """

    source: ChainText
    script: Script
    findings: Findings
    refers_to: tuple[str, ...]
    bases: tuple[str, ...] = ()
    template: bool = False


def check_text_of(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, Known],
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[dict[str, Parsed], Unit]:
    """All texts that are reached from the chain `name`, itself with all findings; and its unit.

    KeyError when there is no such chain.
    """
    parsed = _parse_reached(name, chains, components, limits)
    referred = {chain: text.refers_to for chain, text in parsed.items()}
    return parsed, _check_all(order(name, referred), parsed, chains, components, limits)[name]


def _parse_reached(
    root: str,
    chains: Mapping[str, ChainText],
    components: Mapping[str, Known],
    limits: Limits,
) -> dict[str, Parsed]:
    """Parse a chain and all that it refers to, directly or through others."""
    parsed: dict[str, Parsed] = {}
    pending = [root]
    while pending:
        name = pending.pop()
        if name in parsed:
            continue
        whole = filled(name, chains, limits.text)
        findings = whole.findings
        if not findings.failed:
            check_text(findings, limits)
        script = Script(())
        if not findings.failed:
            script = parse(findings.text, findings, depth=limits.depth)
        named = references(script, components, chains)
        refers = tuple(dict.fromkeys(ref.text for ref in named)) if named else ()
        parsed[name] = Parsed(chains[name], script, findings, refers, whole.bases, whole.template)
        pending.extend(refers)
    return parsed


def _check_all(
    ordered: Order,
    parsed: Mapping[str, Parsed],
    chains: Mapping[str, ChainText],
    components: Mapping[str, Known],
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
    text: Parsed, term: Term | None, units: Mapping[str, Unit], circle: tuple[str, ...]
) -> Unit:
    for chain in text.refers_to:
        if chain in units:
            circle = circle or units[chain].circle
    first = text.findings.first_error
    problem = None
    if first is not None:
        problem = f"{first.chain}:{first.line}:{first.column}: {first.message}"
        term = None
    return Unit(text.source.name, term, problem, circle, text.template)
