"""Compiles the one chain that a command is about.

For `explain`, `plan` and `graph`. A chain that does not compile ends the command with exit code 1
and all that is wrong with it.
"""

import argparse
import sys
from dataclasses import dataclass

from api.cli.components import Components, Supply, options, tell
from api.cli.sources import one_file, read, stop
from rules.compiler import compile_chain
from rules.errors import ChainInvalid
from rules.plan import Plan


@dataclass(frozen=True, slots=True)
class Planned:
    """A chain's plan; the `assumed` components may have compensations that nobody told of."""

    plan: Plan
    components: Components


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what such a command takes."""
    one_file(parser)
    options(parser)


def planned(given: argparse.Namespace) -> Planned:
    """The plan of the chain that the command names; its warnings go where the answer does not."""
    sources = read([given.file])
    if len(sources) != 1:
        stop(f"{given.file}: a folder of several chains; name one file")
    source = sources[0]
    components = Supply(given.components).of(source)
    try:
        compiled = compile_chain(
            source.name,
            chains=source.chains,
            components=components.policies(),
            when_max_wait=given.when_max_wait_ms,
        )
    except ChainInvalid as invalid:
        print(invalid, file=sys.stderr)
        raise SystemExit(1) from None
    tell(components, source.name)
    for warning in compiled.linted(None, assumed=bool(components.assumed)):
        print(warning, file=sys.stderr)
    return Planned(compiled.plan, components)
