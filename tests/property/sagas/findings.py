"""What is told of a random saga that breaks a promise, and how to run it again."""

import shlex
import sys
from collections.abc import Sequence
from typing import Final

from tests.property.sagas.cases import Pace, RandomSaga

ALONE: Final = "CHAINSAGA_TEST_SEED"
"""The environment variable that names the seed to run alone."""


def command(seed: int, pace: Pace) -> str:
    """Runs one seed again; to be typed in the project's folder."""
    file = f"tests/property/sagas/test_{'in' if pace.name == 'memory' else 'on'}_{pace.name}.py"
    return f"{ALONE}={seed} {shlex.quote(sys.executable)} -m pytest -s {file} -k alone"


def told(case: RandomSaga, why: Sequence[str]) -> str:
    """All that is to be known of a saga that does not hold."""
    lines = [case.describe(), *(f"  BROKEN {line}" for line in why)]
    return "\n".join([*lines, f"  again: {command(case.seed, case.pace)}"])
