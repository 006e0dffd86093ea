"""Compiles the one chain that a command is about.

For `explain`, `plan` and `graph`. A chain that does not compile ends the command with exit code 1
and all that is wrong with it.
"""

import argparse
import sys
from dataclasses import dataclass

from api.cli.components import Components, Supply, option, tell
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
    option(parser)


def planned(options: argparse.Namespace) -> Planned:
    """The plan of the chain that the command names."""
    sources = read([options.file])
    if len(sources) != 1:
        stop(f"{options.file}: a folder of several chains; name one file")
    source = sources[0]
    components = Supply(options.components).of(source)
    try:
        compiled = compile_chain(
            source.name, chains=source.chains, components=components.policies()
        )
    except ChainInvalid as invalid:
        print(invalid, file=sys.stderr)
        raise SystemExit(1) from None
    tell(components, source.name)
    return Planned(compiled.plan, components)
