"""Lints a chain that was checked, and of which no plan is made to be kept.

For `chainsaga check`, which must start quickly: neither sizes nor hashes are worked out, and the
models of `rules.plan` need not be pydantic's.
"""

from collections.abc import Mapping

from rules.checks.limits import DEFAULT_LIMITS
from rules.checks.terms import Unit
from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.lint.report import lint
from rules.lower.lowering import Lowering
from rules.lower.rows import ROWS
from rules.lower.scope import Scope
from rules.plan import ComponentPolicy, Plan


def lint_checked(
    unit: Unit,
    findings: Findings,
    components: Mapping[str, ComponentPolicy],
    *,
    when_max_wait: int | None = None,
    assumed: bool = False,
) -> tuple[Diagnostic, ...]:
    """What the lint says of a chain, by its text and all components that it names.

    `findings` has the text, and no errors. `when_max_wait` is the limit, in milliseconds, of a WHEN
    that says none itself; `assumed` as in `lint`.
    """
    assert unit.body is not None
    lowering = Lowering(ROWS, when_max_wait=when_max_wait, most_given=DEFAULT_LIMITS.given)
    root = lowering.node(unit.body, Scope())
    called = {name: components[name] for name in lowering.components}
    for policy in tuple(called.values()):
        if policy.compensate is not None:
            called.setdefault(policy.compensate, components[policy.compensate])
    plan = Plan(
        chain=unit.name, version=1, sha="", root=root, components=called, nodes=unit.body.size
    )
    text, written = findings.text, findings.written
    return lint(plan, text, lowering.places, assumed=assumed, written=written)
