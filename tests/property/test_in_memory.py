"""Short chains in memory against the model: a sample in each run of the tests, all in a soak."""

import os
import sys
from collections.abc import Iterable
from itertools import islice

import pytest

from api.inprocess.clock import run_virtual
from tests.property.cases import MOST_STEPS, is_clear, one_of, sample, tried, with_key
from tests.property.in_memory import in_memory
from tests.property.model import judge
from tests.property.model_case import Case
from tests.property.seen import ALONE, alone, differences
from tests.property.shapes import MOST_NODES, Shape, of_nodes, text_of
from tests.property.telling import describe

SEED = 2026
SIZE = 2000
LARGE_SIZE = 60_000
SMALL = 2
MOST_SHOWN = 20
AT_ONCE = 500


async def differing(cases: Iterable[Case]) -> tuple[int, list[list[str]]]:
    """How many cases ran, one after the other, and what is to be said of each that differs."""
    ran, found = 0, list[list[str]]()
    for case in cases:
        ending = judge(case)
        if not is_clear(case, ending):
            continue
        ran += 1
        try:
            said = differences(case, ending, await in_memory(case))
        except Exception as error:  # noqa: BLE001 - whatever it is, the case is to be named
            said = [describe(case), f"  {error!r}", alone(case)]
        found += [said] if said else []
    return ran, found


def compare(cases: Iterable[Case], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran, found, rest = 0, list[list[str]](), iter(cases)
    while some := list(islice(rest, AT_ONCE)):  # a loop of its own for each costs a third more
        more, differ = run_virtual(differing(some))
        ran, found = ran + more, found + differ
    with capsys.disabled():
        counted = f"{ran} cases ran in memory, {len(found)} differ from the model"
        sys.stdout.write(f"\n{name}: {counted}\n")
    shown = [line for said in found[:MOST_SHOWN] for line in said]
    assert not found, "\n" + "\n".join(shown)
    assert ran


def test_all_of_few_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    cases = (case for nodes in range(1, SMALL + 1) for s in of_nodes(nodes) for case in tried(s))
    compare(cases, f"all cases of chains of up to {SMALL} nodes", capsys)


@pytest.mark.parametrize("nodes", range(SMALL + 1, MOST_NODES + 1))
def test_one_of_each_chain(nodes: int, capsys: pytest.CaptureFixture[str]) -> None:
    cases = (one_of(shape, SEED) for shape in of_nodes(nodes))
    compare(filter(None, cases), f"one case of each chain of {nodes} nodes", capsys)


def test_sample(capsys: pytest.CaptureFixture[str]) -> None:
    compare(sample(SEED, SIZE), f"sample {SEED} of chains of up to {MOST_STEPS} steps", capsys)


def outermost(nodes: int) -> dict[str, list[Shape]]:
    """The shapes of so many nodes by their outermost operator."""
    found: dict[str, list[Shape]] = {}
    for shape in of_nodes(nodes):
        found.setdefault(shape.form.text, []).append(shape)
    return found


# Each operator is a test of its own: make soak ARGS="-k WHEN"
@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param(shapes, id=f"{nodes} nodes: {form}")
        for nodes in range(SMALL + 1, MOST_NODES + 1)
        for form, shapes in outermost(nodes).items()
    ],
)
def test_all_of_four_nodes(shapes: list[Shape], capsys: pytest.CaptureFixture[str]) -> None:
    cases = (case for shape in shapes for case in tried(shape))
    name = f"all cases of {shapes[0].form.text}, {len(shapes)} chains such as {text_of(shapes[0])}"
    compare(cases, name, capsys)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_large_sample(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"sample {SEED + 1} of chains of up to {MOST_STEPS} steps"
    compare(sample(SEED + 1, LARGE_SIZE), name, capsys)


def test_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The case that is asked for; else one of each way to find a case, by its key alone."""
    shape = of_nodes(MOST_NODES)[-1]
    some = [next(sample(SEED, 1)), *islice(tried(shape), 0, 200, 20)]
    some += filter(None, [one_of(shape, SEED)])
    wanted = os.environ.get(ALONE)
    for case in [] if wanted else some:
        assert with_key(case.key) == case
    cases = [with_key(wanted)] if wanted else some
    compare(cases, ", ".join(case.key for case in cases), capsys)
