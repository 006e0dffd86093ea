"""Short chains in memory against the model: a sample in each run of the tests, all in a soak."""

import os
import sys
from collections.abc import Iterable

import pytest

from api.inprocess.clock import run_virtual
from rules.plan import PlanNode
from tests.property.cases import every_case, is_clear, key, sample, with_key
from tests.property.in_memory import in_memory
from tests.property.model import Case, judge
from tests.property.seen import ALONE, differences
from tests.property.shapes import MOST_STEPS, named, of_nodes, text_of

SEED = 2026
SIZE = 6000
LARGE_SIZE = 60_000
SMALL = 2
MOST_NODES = 4
MOST_SHOWN = 20


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


@pytest.mark.parametrize("nodes", range(1, SMALL + 1))
def test_all_of_few_nodes(nodes: int, capsys: pytest.CaptureFixture[str]) -> None:
    for shape in of_nodes(nodes):
        compare(every_case(shape), f"all cases of {text_of(named(shape))}", capsys)


def test_sample(capsys: pytest.CaptureFixture[str]) -> None:
    compare(sample(SEED, SIZE), f"sample {SEED} of chains of up to {MOST_STEPS} steps", capsys)


# Each chain is a test of its own: make soak ARGS="-k WHEN"
@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "shape",
    [shape for nodes in range(SMALL + 1, MOST_NODES + 1) for shape in of_nodes(nodes)],
    ids=lambda shape: text_of(named(shape)),
)
def test_all_of_four_nodes(shape: PlanNode, capsys: pytest.CaptureFixture[str]) -> None:
    compare(every_case(shape), f"all cases of {text_of(named(shape))}", capsys)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_large_sample(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"sample {SEED + 1} of chains of up to {MOST_STEPS} steps"
    compare(sample(SEED + 1, LARGE_SIZE), name, capsys)


def test_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The case that is asked for; else the sample's first, which its key must lead back to."""
    wanted = os.environ.get(ALONE) or key(next(sample(SEED, SIZE)))
    compare([with_key(wanted)], wanted, capsys)
