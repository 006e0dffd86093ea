"""The commands about chains that need no server: their names, and how one of them is run.

For `api.cli.main`. Each is a module with `arguments(parser)` and `run(options) -> exit code`, and
is imported only when it is asked for: 0 is well, 1 means that a chain is not as it should be, 2
that the command could not be carried out.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "check": ("api.cli.check", "Compile chains and print everything that is wrong with them."),
    "fmt": ("api.cli.fmt", "Print a chain in its canonical form."),
    "explain": (
        "api.cli.explain",
        "Tell a chain in words, and what is undone when each of its steps fails.",
    ),
    "plan": ("api.cli.plan", "Print the plan of a chain as JSON."),
    "graph": ("api.cli.graph", "Draw a chain, for Mermaid or as SVG."),
    "simulate": ("api.cli.simulate", "Run chains in memory with stubs, as cases say."),
    "ops": ("api.cli.ops", "List the operators of the language."),
}


def run(words: Sequence[str]) -> int:
    """Run the command that the first word names; the exit code."""
    name = words[0]
    module, summary = COMMANDS[name]
    command = importlib.import_module(module)
    parser = argparse.ArgumentParser(
        prog=f"chainsaga {name}", description=summary, allow_abbrev=False
    )
    command.arguments(parser)
    carry_out = cast("Callable[[argparse.Namespace], int]", command.run)
    try:
        code = carry_out(parser.parse_args(words[1:]))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read, such as `head`, has seen enough; nothing is to be flushed at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code
