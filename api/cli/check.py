"""`chainsaga check`: everything that is wrong with chains, with place and mend.

Starts without policies and plans. Only a chain that may come near the limit of a plan's size, or
components from packages, need the compiler.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.cli.components import Components, Supply, option, tell
from api.cli.findings import as_json
from api.cli.sources import Source, read, several_files
from rules.checks.chains import check_text_of
from rules.checks.limits import DEFAULT_LIMITS
from rules.errors import Diagnostic
from rules.templates import is_template

_PER_NODE = 2_000
"""Bytes that a node and its component's policy have at most in a plan, texts not counted."""


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
    option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Check the chains; 1 when one of them has errors."""
    supply = Supply(options.components)
    found = [_check(source, supply.of(source)) for source in read(options.files)]
    if options.json:
        _print_json(found)
    else:
        for checked in found:
            _print(checked)
    return 0 if all(checked.sound for checked in found) else 1


def _check(source: Source, components: Components) -> Checked:
    if components.declared is None or is_template(source.text):
        parsed, unit = check_text_of(source.name, chains=source.chains, components=components.known)
        diagnostics = parsed[source.name].findings.diagnostics()
        if parsed[source.name].template:
            noted = tuple(replace(one, severity="info") for one in diagnostics)
            return Checked(source, components, None, noted, template=True)
        if unit.body is None:
            return Checked(source, components, None, diagnostics)
        # No node can carry more than all texts together; escapes in JSON may double them.
        texts = sum(len(one.findings.text.encode()) for one in parsed.values())
        if unit.body.size * (_PER_NODE + 2 * texts) <= DEFAULT_LIMITS.plan:
            return Checked(source, components, unit.body.size, diagnostics)
    return _compile(source, components)


def _compile(source: Source, components: Components) -> Checked:
    from rules.compiler import compile_chain
    from rules.errors import ChainInvalid

    try:
        compiled = compile_chain(
            source.name, chains=source.chains, components=components.policies()
        )
    except ChainInvalid as invalid:
        return Checked(source, components, None, invalid.diagnostics)
    return Checked(source, components, compiled.plan.nodes, compiled.warnings)


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
