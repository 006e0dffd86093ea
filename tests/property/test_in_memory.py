"""Short chains in memory against the model: a sample in each run of the tests, all in a soak."""

import os
import sys
from collections.abc import Iterable

import pytest

from api.inprocess.clock import run_virtual
from tests.property.cases import every_case, is_clear, sample, with_key
from tests.property.in_memory import in_memory
from tests.property.model import Case, judge
from tests.property.seen import ALONE, differences
from tests.property.shapes import MOST_STEPS, shapes

SEED = 2026
SIZE = 6000
MOST_SHOWN = 20
# Of what a soak does, so that several can share it: make soak ARGS="-k 4-2"
PARTS = 3


def compare(cases: Iterable[Case], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran, bad, shown = 0, 0, list[str]()
    for case in cases:
        ending = judge(case)
        if not is_clear(case, ending):
            continue
        ran += 1
        found = differences(case, ending, run_virtual(in_memory(case)))
        bad += bool(found)
        if bad <= MOST_SHOWN:
            shown += found
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {ran} cases ran in memory, {bad} differ from the model\n")
    assert not bad, "\n" + "\n".join(shown)


def test_smallest_chains(capsys: pytest.CaptureFixture[str]) -> None:
    compare(every_case(1), "all chains of one step", capsys)


def test_sample(capsys: pytest.CaptureFixture[str]) -> None:
    compare(sample(SEED, SIZE), f"sample {SEED} of chains of up to {MOST_STEPS} steps", capsys)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("steps", range(2, MOST_STEPS + 1))
def test_all(steps: int, part: int, capsys: pytest.CaptureFixture[str]) -> None:
    number = len(shapes(steps)[part::PARTS])
    name = f"part {part + 1} of {PARTS} of all chains of {steps} steps ({number} shapes)"
    compare(every_case(steps, part, PARTS), name, capsys)


@pytest.mark.skipif(ALONE not in os.environ, reason=f"{ALONE} names no case")
def test_alone(capsys: pytest.CaptureFixture[str]) -> None:
    compare([with_key(os.environ[ALONE])], os.environ[ALONE], capsys)
