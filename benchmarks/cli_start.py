"""How long the offline commands of `chainsaga` take, in multiples of `python -c pass`.

For developers and CI; run as `python -m benchmarks.cli_start`. By CPU time of the processes,
interleaved, best of several rounds, so that other work on the machine counts little. The last line
is JSON; the exit code is 1 when a command is over its bound.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Final

ROUNDS: Final = 12
QUICK: Final = 15.0
OTHERS: Final = 30.0
ROOT: Final = Path(__file__).parents[1]
CHAIN: Final = str(ROOT / "examples" / "chains" / "vipOrder.el")
CASES: Final = str(ROOT / "examples" / "cases" / "vipOrder.jsonl")
# As of an installed command, whose modules are compiled.
ENV: Final = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
COMMANDS: Final[dict[str, tuple[float, Sequence[str]]]] = {
    "ops": (QUICK, ["ops"]),
    "fmt": (QUICK, ["fmt", CHAIN]),
    "check": (QUICK, ["check", CHAIN]),
    "explain": (OTHERS, ["explain", CHAIN]),
    "plan": (OTHERS, ["plan", CHAIN]),
    "graph": (OTHERS, ["graph", CHAIN]),
    "simulate": (OTHERS, ["simulate", CASES]),
    "graph svg": (OTHERS, ["graph", CHAIN, "--format", "svg"]),
}


def main() -> int:
    """Measure, print a table, and compare with the bounds."""
    nothing: list[float] = []
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        nothing.append(_cpu(["-c", "pass"]))
        for name, (_, words) in COMMANDS.items():
            seconds[name].append(_cpu(["-m", "api.cli.main", *words]))
    ratios = {name: round(min(taken) / min(nothing), 1) for name, taken in seconds.items()}
    print(f"python -c pass: {min(nothing) * 1000:.0f} ms CPU")
    for name, ratio in ratios.items():
        print(f"{name:10} {ratio:5.1f} x, at most {COMMANDS[name][0]:g}")
    print(json.dumps(ratios))
    return 0 if all(ratio <= COMMANDS[name][0] for name, ratio in ratios.items()) else 1


def _cpu(words: Sequence[str]) -> float:
    """CPU seconds of one Python process."""
    before = _spent()
    subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return _spent() - before


def _spent() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
