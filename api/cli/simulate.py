"""`chainsaga simulate`: run chains in memory, with stubs for their components.

Reads one case on each line, and answers on one line, in order. Waiting costs nothing, as time is
virtual.
"""

import argparse
import json
import sys
from collections.abc import Iterator

from api.cli.sources import STDIN, stop
from api.errors import CaseInvalid
from api.simulation.cases import read_case
from api.simulation.simulate import simulate


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "file", metavar="FILE", help="a file with one case on each line; - is standard input"
    )


def run(options: argparse.Namespace) -> int:
    """Answer every case; 2 when some line is no case."""
    code = 0
    for number, line in enumerate(_lines(options.file), start=1):
        if not line.strip():
            continue
        try:
            answer = simulate(read_case(line))
        except CaseInvalid as invalid:
            print(f"{options.file}:{number}: {invalid}", file=sys.stderr)
            code = 2
            continue
        print(json.dumps(answer, ensure_ascii=False), flush=options.file == STDIN)
    return code


def _lines(name: str) -> Iterator[str]:
    if name == STDIN:
        yield from sys.stdin
        return
    try:
        with open(name, encoding="utf-8") as file:
            yield from file
    except OSError as error:
        stop(f"{name}: {error.strerror}")
    except UnicodeDecodeError:
        stop(f"{name}: this is no UTF-8 text")
