"""`chainsaga check`: everything that is wrong with chains, and what the lint warns of.

Starts without pydantic. Only a chain that may come near the limit of a plan's size, or components
from packages, need the compiler, and plans that can be written.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.cli.components import Components, Supply, options, tell
from api.cli.sources import Source, read, several_files
from api.diagnostics import as_json
from rules.checks.chains import check_text_of
from rules.checks.limits import DEFAULT_LIMITS
from rules.checks.terms import Unit
from rules.el.findings import Findings
from rules.errors import Diagnostic
from rules.templates import is_template

_PER_NODE = 2_000
"""Bytes that a node and its component's policy have at most in a plan, texts not counted."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A chain that was checked and not compiled; `unit` None where only a compiler will do."""

    source: Source
    components: Components
    unit: Unit | None
    findings: Findings
    template: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in one chain; `nodes` None when it does not compile.

    A `template` does not, and is not wrong.
    """

    source: Source
    components: Components
    nodes: int | None
    diagnostics: tuple[Diagnostic, ...]
    template: bool = False

    @property
    def sound(self) -> bool:
        """Whether nothing in it is wrong."""
        return self.nodes is not None or self.template


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    several_files(parser)
    options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(given: argparse.Namespace) -> int:
    """Check the chains; 1 when one of them has errors."""
    supply = Supply(given.components)
    looked = [_look(source, supply.of(source)) for source in read(given.files)]
    if "pydantic" not in sys.modules and all(one.unit is not None for one in looked):
        # Nothing will be written or validated, and loading pydantic would take most of the time.
        importlib.import_module("rules.plain")
    found = [_checked(one, given.when_max_wait_ms) for one in looked]
    if given.json:
        _print_json(found)
    else:
        for checked in found:
            _print(checked)
    return 0 if all(checked.sound for checked in found) else 1


def _look(source: Source, components: Components) -> Looked:
    if components.declared is not None and not is_template(source.text):
        return Looked(source, components, None, Findings(source.name, source.text))
    parsed, unit = check_text_of(source.name, chains=source.chains, components=components.known)
    here = parsed[source.name]
    if unit.body is not None:
        # No node can carry more than all texts together; escapes in JSON may double them.
        texts = sum(len(one.findings.text.encode()) for one in parsed.values())
        large = unit.body.size * (_PER_NODE + 2 * texts) > DEFAULT_LIMITS.plan
        if large or components.declared is not None:
            return Looked(source, components, None, here.findings)
    return Looked(source, components, unit, here.findings, here.template)


def _checked(looked: Looked, when_max_wait: int | None) -> Checked:
    source, components, unit = looked.source, looked.components, looked.unit
    if unit is None:
        return _compile(source, components, when_max_wait)
    found = looked.findings.diagnostics()
    if looked.template:
        noted = tuple(replace(one, severity="info") for one in found)
        return Checked(source, components, None, noted, template=True)
    if unit.body is None:
        return Checked(source, components, None, found)
    from rules.lint.checked import lint_checked

    warned = lint_checked(
        unit,
        looked.findings,
        components.policies(),
        when_max_wait=when_max_wait,
        assumed=bool(components.assumed),
    )
    ordered = sorted((*found, *warned), key=lambda one: (one.span.start, one.span.end))
    return Checked(source, components, unit.body.size, tuple(ordered))


def _compile(source: Source, components: Components, when_max_wait: int | None) -> Checked:
    from rules.compiler import compile_chain
    from rules.errors import ChainInvalid

    try:
        compiled = compile_chain(
            source.name,
            chains=source.chains,
            components=components.policies(),
            when_max_wait=when_max_wait,
        )
    except ChainInvalid as invalid:
        return Checked(source, components, None, invalid.diagnostics)
    warnings = compiled.linted(None, assumed=bool(components.assumed))
    return Checked(source, components, compiled.plan.nodes, warnings)


def _print(checked: Checked) -> None:
    tell(checked.components, checked.source.name)
    for diagnostic in checked.diagnostics:
        print(diagnostic, file=sys.stderr)
    if checked.nodes is not None:
        print(f"{checked.source.name}: {checked.nodes} nodes, sound")
    elif checked.template:
        print(f"{checked.source.name}: a template, read where a chain extends it")


def _print_json(found: Sequence[Checked]) -> None:
    import json

    chains = [
        {
            "chain": checked.source.name,
            "file": None if checked.source.file is None else str(checked.source.file),
            "sound": checked.sound,
            "nodes": checked.nodes,
            "assumed": {name: checked.components.known[name].kind for name in _assumed(checked)},
            "diagnostics": [as_json(diagnostic) for diagnostic in checked.diagnostics],
        }
        for checked in found
    ]
    print(json.dumps({"chains": chains}, indent=2, ensure_ascii=False))


def _assumed(checked: Checked) -> list[str]:
    return sorted(checked.components.assumed)
