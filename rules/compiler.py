"""Compiles a chain's EL text into a plan: the one verb, which runs the stages in order.

For the rule source, the API and the command. Reads chains and components from what it is given;
must not know where they are kept. Stages: parse every chain that is reached, order them, check
them from the leaves up, lower the root, check outputs. The lint runs when warnings are asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from rules.checks.chains import ChainText, check_text_of
from rules.checks.limits import DEFAULT_LIMITS, Limits, check_given, check_plan
from rules.checks.outputs import check_outputs
from rules.el.findings import Findings
from rules.errors import ChainInvalid, Diagnostic
from rules.lint.report import lint
from rules.lower.lowering import Lowering
from rules.lower.rows import ROWS
from rules.lower.scope import Scope as LoweringScope
from rules.measuring import json_size
from rules.plan import ComponentPolicy, Plan

NULLS: Final = 250
"""Bytes that the absent fields of a plan node take at most."""
POLICY: Final = 4096
"""More bytes than a component's policy takes, but for odd ones."""

__all__ = ["ChainText", "Compiled", "check_chain", "compile_chain"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A chain that compiles.

    `includes` names the chains that its text refers to, directly or through others: a change of
    one of them, or of its version, changes the plan. `found` is what the compiler warns of, in
    this chain's text only; `places` has start and end of each step in it by `id(node)`.
    """

    plan: Plan
    found: tuple[Diagnostic, ...]
    includes: frozenset[str]
    text: str
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
        more = lint(self.plan, self.text, self.places, deployed=deployed, assumed=assumed)
        return tuple(sorted((*self.found, *more), key=lambda one: (one.span.start, one.span.end)))


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
    when_max_wait: int | None = None,
    deployed: Collection[str] | None = None,
) -> tuple[Diagnostic, ...]:
    """Errors and warnings of the chain `name`, in the order of its text; raises no ChainInvalid.

    `when_max_wait` as in `compile_chain`. `deployed` are the components that workers serve, if
    those are not all of `components`.
    """
    compiled, findings = _compile(name, chains, components, limits, when_max_wait)
    return findings.diagnostics() if compiled is None else compiled.linted(deployed)


def _compile(
    name: str,
    chains: Mapping[str, ChainText],
    components: Mapping[str, ComponentPolicy],
    limits: Limits,
    when_max_wait: int | None,
) -> tuple[Compiled | None, Findings]:
    parsed, unit = check_text_of(name, chains=chains, components=components, limits=limits)
    findings = parsed[name].findings
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
    dumped = root.model_dump_json(exclude_none=True).encode()
    plan = Plan(
        chain=name,
        version=chains[name].version,
        sha=_sha(dumped, versions),
        root=root,
        components=called,
        nodes=unit.body.size,
    )
    # Measured only where it can matter; a start measures every plan.
    if len(dumped) + plan.nodes * NULLS + len(called) * POLICY > limits.plan:
        check_plan(json_size(plan), findings, limits)
        if findings.failed:
            return None, findings
    found, text = findings.diagnostics(), chains[name].text
    return Compiled(plan, found, includes, text, lowering.places), findings


def _sha(text: bytes, versions: Mapping[str, int]) -> str:
    """SHA-256 in hex over the canonical plan and the versions of the chains in it.

    Fields that are None are left out, so that a plan keeps its hash when optional ones are added.
    """
    digest = sha256(text)
    for chain, version in versions.items():
        digest.update(f"\n{chain}@{version}".encode())
    return digest.hexdigest()
