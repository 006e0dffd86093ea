"""Runs the lint over a plan and says what it found as diagnostics with places in the text.

For the compiler, when it is asked what a chain is warned of; a start does not pay for it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.lint.finding import Finding
from rules.lint.survey import survey
from rules.lint.table import RULES, Rule
from rules.plan import Plan
from rules.templates import Written

Place = tuple[int, int]

MOST: Final = 5
"""Places that one rule names; the last one says how many more there are."""


def lint(
    plan: Plan,
    text: str,
    places: Mapping[int, Place],
    *,
    deployed: Collection[str] | None = None,
    assumed: bool = False,
    written: Written | None = None,
) -> tuple[Diagnostic, ...]:
    """All findings about a plan, rule by rule.

    `text` is what it was compiled from, `written` where its parts stand if it was filled, and
    `places` has start and end of each step in it, by `id(node)`. `deployed` are the components that
    workers serve, if those are not all of the plan; `assumed`: nobody told what the components are,
    so that their policies mean nothing.
    """
    found = survey(plan, deployed)
    diagnostics: list[Diagnostic] = []
    for rule in RULES:
        if assumed and rule.of_components:
            continue
        findings = Findings(plan.chain, text, written=written)
        diagnostics.extend(_drawn(rule, rule.look(found), findings, places))
    return tuple(diagnostics)


def _drawn(
    rule: Rule, found: Iterable[Finding], findings: Findings, places: Mapping[int, Place]
) -> Iterable[Diagnostic]:
    """The findings of one rule: the same words at the same place once, and not too many."""
    distinct = {(places[id(one.step)], one.words): None for one in found}
    # By places only: findings of one place keep the order in which steps begin.
    ordered = sorted(distinct, key=lambda one: one[0])
    more = len(ordered) - MOST
    for index, (place, words) in enumerate(ordered[:MOST]):
        told = f"{words} (and {more} more such)" if more > 0 and index == MOST - 1 else words
        findings.warning(rule.code, told, *place, hint=rule.mend)
    return (replace(one, severity=rule.severity) for one in findings.diagnostics())
