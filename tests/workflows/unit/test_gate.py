"""The gate: who may start a step now, and who has to park or stop."""

from collections.abc import Iterable

import pytest

from activities.runner import Provider, Runner
from api.inprocess.clock import SystemClock
from api.inprocess.runtime import InMemoryRuntime
from tests.workflows.unit.states import frost
from workflows.gate import Gate, Parked, Stopped


class Hinting(InMemoryRuntime):
    """A runtime whose history is as long as the test says."""

    def __init__(self, hints: Iterable[bool]) -> None:
        super().__init__(frost(), {}, Runner(Provider()), SystemClock())
        self._hints = iter(hints)

    def should_park(self) -> bool:
        return next(self._hints)


def test_it_is_open_at_first() -> None:
    gate = Gate(Hinting([False] * 3))
    for _ in range(3):
        gate.enter("0.0")


def test_a_run_makes_progress_before_it_parks() -> None:
    gate = Gate(Hinting([True] * 3))
    gate.enter("0.0")
    with pytest.raises(Parked):
        gate.enter("0.0")


def test_who_parked_once_stays_parked_though_the_hint_be_gone() -> None:
    gate = Gate(Hinting([True, False, False]))
    gate.enter("0.0")
    for _ in range(3):
        with pytest.raises(Parked):
            gate.enter("0.0")


@pytest.mark.parametrize("entered", [0, 1])
def test_a_stopped_gate_lets_nobody_through(entered: int) -> None:
    gate = Gate(Hinting([False]))
    for _ in range(entered):
        gate.enter("0.0")
    gate.stop()
    for _ in range(3):
        with pytest.raises(Stopped):
            gate.enter("0.0")


def test_a_stop_goes_before_a_park() -> None:
    gate = Gate(Hinting([True]))
    gate.enter("0.0")
    with pytest.raises(Parked):
        gate.enter("0.0")
    gate.stop()
    with pytest.raises(Stopped):
        gate.enter("0.0")


def test_undos_may_pass_a_stopped_gate_and_still_park() -> None:
    gate = Gate(Hinting([False, True]))
    gate.stop()
    gate.allow_undo()
    gate.enter("0.0")
    gate.enter("0.0")
    with pytest.raises(Parked):
        gate.enter("0.0")
