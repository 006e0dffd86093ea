"""Reads and checks a chain's route: the condition by which the chain is chosen from others.

For the compiler, and for who only wants to know what is wrong. A route sees components and no
chains. Categories: `route_operand`, and those of any text.
"""

from collections.abc import Mapping
from typing import Final

from rules.checks.filling import ChainText
from rules.checks.kinds import check_route
from rules.checks.known import Known
from rules.checks.limits import DEFAULT_LIMITS, Limits, check_size, check_text
from rules.checks.names import Scope
from rules.checks.resolve import references
from rules.checks.terms import Term
from rules.el.findings import Findings, quoted
from rules.el.parser import parse

PART: Final = "in the route: "


def check_route_of(
    name: str,
    *,
    chains: Mapping[str, ChainText],
    components: Mapping[str, Known],
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Term | None, Findings]:
    """What the route of the chain `name` asks, or None; and what is wrong with it.

    KeyError when there is no such chain. A chain without a route has an empty one.
    """
    findings = Findings(name, chains[name].route or "", part=PART)
    check_text(findings, limits)
    if findings.failed:
        return None, findings
    script = parse(findings.text, findings, depth=limits.depth)
    named = references(script, components, chains)
    for chain in named:
        message = f"a route cannot refer to chains, and {quoted(chain.text)} is one"
        findings.error("route_operand", message, chain.start, chain.end)
    if findings.failed:
        return None, findings
    term = check_route(script, Scope(components, (), {}, {}), findings)
    if term is not None:
        check_size(term, findings, limits)
    if findings.failed:
        return None, findings
    return term, findings
