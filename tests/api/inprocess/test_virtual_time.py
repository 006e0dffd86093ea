"""Virtual time: waiting is free, keeps its order, and is the same in every run."""

import asyncio
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.component import Retry, Step, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import EPOCH, SystemClock, VirtualClock, run_virtual
from api.inprocess.execute import execute
from rules.execution import EntryStatus, Execution, Status
from tests.api.inprocess.scripted import Script, frozen, run, step, then, when

DAY = 86_400.0


@given(delays=st.lists(st.integers(0, int(10 * DAY)).map(lambda s: s / 8), max_size=20))
@settings(deadline=None)
def test_sleepers_wake_in_order_and_at_their_time(delays: list[float]) -> None:
    woken: list[tuple[float, int]] = []

    async def sleeper(delay: float, number: int) -> None:
        await asyncio.sleep(delay)
        woken.append((asyncio.get_running_loop().time(), number))

    async def main() -> None:
        await asyncio.gather(*(sleeper(d, i) for i, d in enumerate(delays)))

    began = time.monotonic()
    run_virtual(main())
    assert time.monotonic() - began < 5
    # Which of two equal sleepers wakes first is asyncio's matter.
    assert [at for at, _ in woken] == pytest.approx(sorted(delays))
    assert [delays[number] for _, number in woken] == sorted(delays)


def test_a_time_out_comes_before_what_takes_longer_and_after_what_is_quicker() -> None:
    async def main() -> list[float]:
        loop, at = asyncio.get_running_loop(), []
        for delay in (1 * DAY, 2 * DAY, 3 * DAY):
            try:
                async with asyncio.timeout(2.5 * DAY):
                    await asyncio.sleep(delay)
            except TimeoutError:
                at.append(-loop.time())
            else:
                at.append(loop.time())
        return at

    assert run_virtual(main()) == [1 * DAY, 3 * DAY, -5.5 * DAY]


@pytest.mark.parametrize("seconds", [2e7, 3.3e7, 1e9])
def test_the_end_of_a_long_time_comes(seconds: float) -> None:
    async def main() -> float:
        await asyncio.sleep(seconds)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(seconds)


def test_the_clock_is_the_loops() -> None:
    async def main() -> list[timedelta]:
        clock = VirtualClock()
        before = clock.now()
        await asyncio.sleep(90)
        return [before - EPOCH, clock.now() - EPOCH]

    assert run_virtual(main()) == [timedelta(0), timedelta(seconds=90)]


def test_the_systems_clock_has_a_zone() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def attempts_of(execution: Execution) -> int:
    return execution.stack[0].attempts


def retried(
    retry: Retry, answers_after: int, *, takes: float = 0.0, limit: float = 10.0, lost: int = 3
) -> tuple[Execution, list[float]]:
    """One step that fails until it succeeds, and when its attempts began."""
    began: list[float] = []

    @component("pay", retry=retry, timeout=limit, lost_attempts=lost)
    async def pay(step: Step) -> int:
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)
        if step.attempt <= answers_after:
            raise ConnectionError("gone")
        return step.attempt

    registry = Registry([pay])
    execution = run_virtual(
        execute(
            "acme",
            "order-1",
            frozen(step("pay"), registry),
            registry,
            Runner(Provider()),
            clock=VirtualClock(),
        )
    )
    return execution, began


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (Retry(attempts=5), [0, 1, 3, 7, 15]),
        (Retry(attempts=5, interval=10, backoff=1), [0, 10, 20, 30, 40]),
        (Retry(attempts=5, interval=1, backoff=10, max_interval=50), [0, 1, 11, 61, 111]),
        (Retry(attempts=3, interval=100, backoff=2, max_interval=50), [0, 100, 200]),
        (Retry(attempts=4, interval=DAY, max_interval=3 * DAY), [0, DAY, 3 * DAY, 6 * DAY]),
        (Retry(), [0]),
    ],
)
def test_attempts_are_spaced_as_declared(retry: Retry, expected: list[float]) -> None:
    execution, began = retried(retry, answers_after=99)
    assert began == expected
    assert execution.status is Status.FAILED
    assert execution.stack[0].outcome is EntryStatus.UNKNOWN
    assert attempts_of(execution) == len(expected) == retry.attempts


def test_the_first_success_ends_the_attempts() -> None:
    execution, began = retried(Retry(attempts=5), answers_after=2)
    assert (execution.status, execution.output) == (Status.COMPLETED, 3)
    assert (began, attempts_of(execution)) == ([0, 1, 3], 3)


def test_time_outs_are_lost_attempts_and_use_up_no_answer() -> None:
    execution, began = retried(Retry(attempts=1), answers_after=0, takes=60, limit=10, lost=2)
    assert began == [0, 11, 23]
    (entry,) = execution.stack
    assert (entry.outcome, entry.attempts) == (EntryStatus.UNKNOWN, 3)
    assert entry.error is not None
    assert (entry.error.code, entry.error.message) == ("TIMEOUT", "no answer (START_TO_CLOSE)")


def test_too_many_lost_attempts_end_the_step_though_answers_are_left() -> None:
    execution, began = retried(Retry(attempts=9), answers_after=0, takes=60, limit=10, lost=1)
    assert began == [0, 11]
    (entry,) = execution.stack
    assert entry.error is not None
    assert (entry.outcome, entry.error.code) == (EntryStatus.UNKNOWN, "ATTEMPTS_LOST")


def test_an_answer_that_comes_just_in_time_counts() -> None:
    execution, _ = retried(Retry(), answers_after=0, takes=9.999, limit=10)
    assert execution.status is Status.COMPLETED


def test_a_refusal_after_a_time_out_leaves_the_outcome_unknown() -> None:
    ran = run(step("work"), Script(acts={"0": ["hang", "refuse", "refuse"]}))
    entry = ran.entries["0"]
    assert entry.outcome is EntryStatus.UNKNOWN
    assert entry.error is not None
    assert (entry.error.code, entry.attempts) == ("NO", 3)
    assert ran.paths("undo") == ["0"]


def test_a_success_after_a_time_out_clears_it() -> None:
    ran = run(step("work"), Script(acts={"0": ["hang", "error", "ok"]}))
    assert (ran.execution.status, ran.entries["0"].attempts) == (Status.COMPLETED, 3)
    assert ran.entries["0"].outcome is EntryStatus.COMPLETED


def test_a_component_of_another_deployment_leaves_the_outcome_unknown() -> None:
    registry = Registry([])

    @component("elsewhere")
    def elsewhere() -> None: ...

    plan = frozen(step("elsewhere"), Registry([elsewhere]))
    execution = run_virtual(
        execute("acme", "order-1", plan, registry, Runner(Provider()), clock=VirtualClock())
    )
    (entry,) = execution.stack
    assert entry.outcome is EntryStatus.UNKNOWN
    assert entry.error is not None
    assert entry.error.message == "component 'elsewhere' is not part of this deployment"


def test_a_cancelled_inner_task_does_not_tear_the_saga_down() -> None:
    @component("pay", compensate="refund")
    async def pay() -> None:
        raise asyncio.CancelledError

    undone: list[str] = []

    @component("refund")
    async def refund() -> None:
        undone.append("pay")

    registry = Registry([pay, refund])
    execution = run_virtual(
        execute("acme", "order-1", frozen(step("pay"), registry), registry, Runner(Provider()))
    )
    assert (execution.status, undone) == (Status.COMPENSATED, ["pay"])


CHAIN = then(
    when(step("work"), then(step("often"), step("plain")), step("look")),
    step("work"),
    step("often"),
)
SCRIPT = Script(
    acts={"0.0.0": ["hang", "error", "ok"], "0.1": ["refuse", "ok"], "0.2": ["error"]},
    seconds={"0.0.0": 3, "0.0.1.0": 2, "0.0.1.1": 4, "0.0.2": 5},
    undos={"0.0.0": ["error", "ok"]},
)


def test_equal_scripts_give_equal_executions() -> None:
    first, second = run(CHAIN, SCRIPT), run(CHAIN, SCRIPT)
    assert first.execution == second.execution
    assert first.events == second.events


def test_a_long_saga_takes_no_time_and_knows_how_long_it_took() -> None:
    slow = Script(acts=SCRIPT.acts, seconds=dict.fromkeys(SCRIPT.seconds, 9))
    began = time.monotonic()
    execution = run(CHAIN, slow).execution
    assert time.monotonic() - began < 5
    assert execution.started_at == EPOCH
    assert execution.ended_at is not None
    assert execution.ended_at - execution.started_at > timedelta(seconds=30)
    assert execution.changed_at == execution.ended_at


def test_at_most_so_many_branches_run_side_by_side() -> None:
    wide = when(*(step("work") for _ in range(7)))
    starts = {
        event.path: event.at for event in run(wide, max_parallel=3).events if event.what == "start"
    }
    assert list(starts.values()) == [0, 0, 0, 1, 1, 1, 2]
    assert list(starts) == [f"0.{index}" for index in range(7)]
