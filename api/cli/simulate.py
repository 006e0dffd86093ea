"""`chainsaga simulate`: run chains in memory, with stubs for their components.

Reads one case on each line, and answers on one line, in order. Waiting costs nothing, as time is
virtual. A line that is no case is told of on standard error, and the others are answered.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from api.cli.sources import STDIN, stop

if TYPE_CHECKING:
    from api.simulation.answers import Answer


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
            answer = _answer(line)
        except Exception as problem:  # noqa: BLE001 - it must not cost other lines their answer
            print(f"{options.file}:{number}: {_words(problem)}", file=sys.stderr)
            code = 2
            continue
        text = json.dumps(answer, ensure_ascii=False)
        # Half a character, which a text may hold, has no bytes; as an escape it is JSON, too.
        text = text.encode(errors="backslashreplace").decode()
        print(text, flush=options.file == STDIN)
    return code


def _answer(line: str) -> "Answer":
    # Loaded for the first case: `--help` and a file that is not there are told at once.
    from api.simulation.cases import read_case
    from api.simulation.simulate import simulate

    return simulate(read_case(line))


def _words(problem: Exception) -> str:
    from api.errors import CaseInvalid

    if isinstance(problem, CaseInvalid):
        return str(problem)
    return (
        f"the case could not be simulated ({type(problem).__name__}: {problem}); please report it"
    )


def _lines(name: str) -> Iterator[str]:
    if name == STDIN:
        yield from sys.stdin
        return
    try:
        with Path(name).open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        stop(f"{name}: {error.strerror}")
    except UnicodeDecodeError:
        stop(f"{name}: this is no UTF-8 text")
