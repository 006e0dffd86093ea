"""Loops of many passes, forward and undone, on virtual time and through many continued runs."""

import sys
import time
from dataclasses import dataclass, field

import pytest

from activities.component import Refused, Step, Undo, component
from activities.registry import Registry
from activities.runner import Provider, Runner
from api.inprocess.clock import VirtualClock, run_virtual
from api.inprocess.execute import InMemoryExecution
from rules.execution import EntryStatus, Execution, Status
from rules.plan import LoopNode, PlanNode, StepNode, ThenNode
from rules.wire import SagaOptions
from tests.api.inprocess.scripted import frozen, step, then, when

PASSES = 1_000
MANY = 20_000
EVENTS = 600
STEPS_A_RUN = EVENTS // 6

WORK = StepNode(component="work")
LAST = StepNode(component="last")


@dataclass(frozen=True)
class Long:
    """A loop in a chain, and how many of its passes may run side by side."""

    root: PlanNode
    max_parallel: int = 50


def loops(passes: int) -> dict[str, Long]:
    body = LoopNode(op="for", head=passes, body=WORK)
    block = LoopNode(op="for", head=passes, body=ThenNode(items=(WORK,)))
    until = LoopNode(op="while", head=True, body=WORK, until=step("enough"))
    beside = body.model_copy(update={"parallel": True})
    return {
        "for": Long(then(body, LAST)),
        "a block": Long(then(block, LAST)),
        "while": Long(then(until, LAST)),
        "in a WHEN": Long(then(when(WORK, body), LAST)),
        "parallel": Long(then(beside, LAST), 20),
        "parallel, in a WHEN": Long(then(when(WORK, beside), LAST), 7),
    }


@dataclass
class Ran:
    """What the components did, by path, and what came of it in how many runs."""

    started: list[str] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)
    runs: int = 0

    def registry(self, passes: int, *, fails: bool) -> Registry:
        @component("work", compensate="unwork")
        async def work(step: Step) -> None:
            self.started.append(step.path)

        @component("unwork")
        async def unwork(undo: Undo[None]) -> None:
            self.undone.append(undo.path)

        @component("enough", kind="boolean")
        async def enough(step: Step) -> bool:
            return int(step.path.rpartition("#")[2]) == passes - 1

        @component("last")
        async def last() -> None:
            if fails:
                raise Refused("the end is never reached")

        return Registry([work, unwork, enough, last])

    def run(self, long: Long, passes: int, *, fails: bool) -> Execution:
        options = SagaOptions(unattended=True, max_events=EVENTS, max_parallel=long.max_parallel)
        registry = self.registry(passes, fails=fails)
        frost = frozen(long.root, registry, options)

        async def main() -> Execution:
            run = InMemoryExecution(
                "acme", "order-1", frost, registry, Runner(Provider()), clock=VirtualClock()
            )
            execution = await run.run()
            self.runs = run.runs
            return execution

        return run_virtual(main())

    def check(self, execution: Execution, passes: int, *, fails: bool) -> None:
        """Each pass ran once and, if the chain failed, was undone once, the last one first."""
        assert execution.status is (Status.COMPENSATED if fails else Status.COMPLETED)
        assert len(set(self.started)) == len(self.started)
        assert sum("#" in path for path in self.started) == passes
        done = [entry for entry in execution.stack if entry.component == "work"]
        assert {entry.path for entry in done} == set(self.started)
        backwards = [e.path for e in sorted(done, key=lambda e: e.ended, reverse=True)]
        assert self.undone == (backwards if fails else [])
        assert {e.status for e in done} == {
            EntryStatus.COMPENSATED if fails else EntryStatus.COMPLETED
        }
        assert self.runs >= (1 + fails) * (passes // STEPS_A_RUN)


@pytest.mark.parametrize("fails", [False, True], ids=["forward", "undone"])
@pytest.mark.parametrize("name", loops(PASSES))
def test_a_thousand_passes(name: str, fails: bool) -> None:
    ran = Ran()
    execution = ran.run(loops(PASSES)[name], PASSES, fails=fails)
    ran.check(execution, PASSES, fails=fails)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("fails", [False, True], ids=["forward", "undone"])
@pytest.mark.parametrize("name", ["for", "parallel"])
def test_twenty_thousand_passes(name: str, fails: bool, capsys: pytest.CaptureFixture[str]) -> None:
    ran, began = Ran(), time.monotonic()
    execution = ran.run(loops(MANY)[name], MANY, fails=fails)
    with capsys.disabled():
        took = time.monotonic() - began
        sys.stdout.write(f"\n{name}: {MANY} passes, {ran.runs} runs, {took:.0f} s\n")
    ran.check(execution, MANY, fails=fails)
