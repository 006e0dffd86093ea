"""Random sagas in memory: some thousand in each run of the tests, very many in a soak.

A seed that fails prints itself, its chains and the command that runs it alone.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import pytest

from rules.execution import StackEntry, Status
from tests.property.sagas.cases import VIRTUAL, RandomSaga, draw
from tests.property.sagas.findings import ALONE, command, told
from tests.property.sagas.in_memory import NoEnd, in_memory
from tests.property.sagas.promises import broken
from workflows import undoing
from workflows.stack import undo_order

SEEDS = range(1_000)
MANY_SEEDS = range(20_000)
MOST_SHOWN = 5
FEW = 10
"""At least so many of the sagas of each run of the tests end in each way."""

Order = Callable[[Sequence[StackEntry]], list[StackEntry]]


def judged(case: RandomSaga) -> tuple[Status | None, list[str]]:
    """How a saga ended, and which promises it has broken."""
    try:
        ended = in_memory(case)
    except NoEnd as error:
        return None, [f"it came to no end: {error}"]
    return ended.execution.status, broken(ended)


def run_all(seeds: Iterable[int], capsys: pytest.CaptureFixture[str]) -> Counter[Status | None]:
    statuses: Counter[Status | None] = Counter()
    bad: list[str] = []
    for seed in seeds:
        case = draw(seed)
        status, why = judged(case)
        statuses[status] += 1
        if why:
            bad.append(told(case, why))
    with capsys.disabled():
        counted = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
        sys.stdout.write(
            f"\n{statuses.total()} random sagas in memory, {len(bad)} bad: {counted}\n"
        )
    assert not bad, "\n" + "\n".join(bad[:MOST_SHOWN])
    return statuses


def test_promises(capsys: pytest.CaptureFixture[str]) -> None:
    statuses = run_all(SEEDS, capsys)
    assert all(count >= FEW for count in statuses.values())
    assert len(statuses) == sum(status.final for status in Status) - 1  # none is ABORTED


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_promises_of_many(capsys: pytest.CaptureFixture[str]) -> None:
    run_all(MANY_SEEDS, capsys)


def test_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The seed that is asked for; else the first."""
    seed = int(os.environ.get(ALONE, SEEDS[0]))
    with capsys.disabled():
        sys.stdout.write(f"\n{draw(seed).describe()}\n")
    run_all([seed], capsys)


def skips_one(stack: Sequence[StackEntry]) -> list[StackEntry]:
    return undo_order(stack)[:-1]


def swaps_two(stack: Sequence[StackEntry]) -> list[StackEntry]:
    order = undo_order(stack)
    return [*reversed(order[:2]), *order[2:]]


def first_found() -> tuple[RandomSaga, list[str]]:
    """The first seed of those in each run of the tests that breaks a promise, and which."""
    for seed in SEEDS:
        _, why = judged(case := draw(seed))
        if why:
            return case, why
    pytest.fail("the mutant was not found")


@pytest.mark.parametrize(
    ("mutant", "promise"),
    [
        (skips_one, "each_effect_is_undone_once"),
        (swaps_two, "undos_are_a_reverse_linear_extension"),
    ],
)
def test_a_wrong_order_is_found(
    mutant: Order, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "undo_order", mutant)
    _, why = first_found()
    assert any(line.startswith(promise) for line in why)


def test_an_undo_done_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    once = undoing.Undoing._undo

    async def twice(self: undoing.Undoing, entry: StackEntry) -> None:
        await once(self, entry)
        await once(self, entry)

    monkeypatch.setattr(undoing.Undoing, "_undo", twice)
    _, why = first_found()
    assert any(line.startswith("an_undo_that_answered_is_not_called_again") for line in why)


def test_a_finding_tells_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed, the chain's text, what is broken, and a command that can be typed as it stands."""
    monkeypatch.setattr(undoing, "undo_order", skips_one)
    case, why = first_found()
    words = told(case, why)
    again = command(case.seed, VIRTUAL)
    assert words.startswith(f"seed {case.seed}\n")
    assert all(f"{name}: {text}" in words for name, text in case.texts.items())
    assert all(line in words for line in why)
    assert words.endswith(f"again: {again}")
    ran = subprocess.run(
        again, shell=True, capture_output=True, text=True, check=False, timeout=100
    )
    assert "1 passed" in ran.stdout, ran.stdout
    assert case.texts["main"] in ran.stdout
