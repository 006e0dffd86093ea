"""Every scenario on Temporal and in memory, also with the history hint lowered and uncached.

The runs of a scenario must agree with the table and with each other, and the mirror with the
workflow.
"""

import asyncio
from dataclasses import dataclass

import pytest
import pytest_asyncio

from rules.execution import EntryStatus, Execution, StackEntry, Status
from tests.workflows.lab import FIRST, QUEUE, UNCACHED_QUEUE, Lab, Run
from tests.workflows.scenarios import SCENARIOS, Scenario

HINTS = {
    "temporal": None,
    "uncached": None,
    "lowered": 60,
    "lowest": 20,
    "memory": None,
    "memory_lowest": 20,
}


@dataclass(frozen=True)
class Trial:
    """The runs of one scenario, by runtime."""

    runs: dict[str, Run]


@pytest_asyncio.fixture(scope="session")
async def trials(lab: Lab) -> dict[str, Trial]:
    """All scenarios side by side: those that wait for a time-out do not hold up the rest."""
    window = asyncio.Semaphore(12)

    async def trial(scenario: Scenario) -> Trial:
        async with window:
            runs = await asyncio.gather(*(_run(lab, scenario, runtime) for runtime in HINTS))
            return Trial(dict(zip(HINTS, runs, strict=True)))

    found = await asyncio.gather(*(trial(scenario) for scenario in SCENARIOS))
    return {scenario.id: trial for scenario, trial in zip(SCENARIOS, found, strict=True)}


async def _run(lab: Lab, scenario: Scenario, runtime: str) -> Run:
    execution_id = lab.new_run()
    frost = lab.frost(
        scenario.chain,
        execution_id,
        scenario.request,
        scenario.overrides,
        max_events=HINTS[runtime],
    )
    if runtime.startswith("memory"):
        return await lab.in_memory(frost, execution_id)
    queue = UNCACHED_QUEUE if runtime == "uncached" else QUEUE
    return await lab.on_temporal(frost, execution_id, queue)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("runtime", HINTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
async def test_ends_as_the_table_says(
    trials: dict[str, Trial], scenario: Scenario, runtime: str
) -> None:
    run = trials[scenario.id].runs[runtime]
    execution = run.execution
    assert execution.status is scenario.status
    assert {_name(entry) for entry in execution.stack} == scenario.started
    undone = [e for e in execution.stack if e.status is EntryStatus.COMPENSATED]
    assert {_name(entry) for entry in undone} == scenario.undone
    by_completion = sorted(undone, key=lambda entry: entry.ended, reverse=True)
    assert sorted(undone, key=lambda entry: entry.undone) == by_completion
    if scenario.status is Status.COMPLETED:
        assert run.rows != FIRST
        assert execution.error is None
    else:
        assert run.rows == FIRST
        failed = next(e for e in execution.stack if _name(e) == scenario.failed)
        assert failed.outcome is scenario.outcome
        assert failed.attempts == scenario.attempts
        assert execution.failed_step == failed.component


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
async def test_runtimes_agree(trials: dict[str, Trial], scenario: Scenario) -> None:
    runs = trials[scenario.id].runs
    expected = runs["temporal"]
    for run in runs.values():
        assert _comparable(run.execution) == _comparable(expected.execution)
        assert run.rows == expected.rows


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.id)
async def test_mirror_agrees_with_the_workflow(
    trials: dict[str, Trial], scenario: Scenario
) -> None:
    runs = trials[scenario.id].runs
    for run in (runs["temporal"], runs["uncached"], runs["lowered"], runs["lowest"]):
        assert _mirrored(run) == _kept(run)


async def test_lowered_hint_continues_as_new(trials: dict[str, Trial]) -> None:
    """Without it the runs above would say nothing of continue-as-new."""
    undone = trials["error_after-notify:late"].runs
    assert undone["temporal"].runs == 1
    assert undone["lowered"].runs >= 2
    assert undone["lowest"].runs >= 4
    assert trials["vip-order"].runs["lowest"].runs >= 3


def _name(entry: StackEntry) -> str:
    return f"{entry.component}:{entry.tag}" if entry.tag else entry.component


def _comparable(execution: Execution) -> object:
    """An execution without what differs from run to run: ids, times, the order within a WHEN."""
    own = execution.execution_id
    text = execution.model_dump_json(
        exclude={
            "execution_id": True,
            "request": True,
            "request_sha": True,
            "started_at": True,
            "ended_at": True,
            "changed_at": True,
            "first_run_id": True,
            "plan_sha": True,
            "stack": True,
        }
    )
    steps = sorted(
        entry.model_dump_json(
            exclude={
                "seq",
                "ended",
                "undone",
                "started_at",
                "ended_at",
                "undo_started_at",
                "undo_ended_at",
            }
        )
        for entry in execution.stack
    )
    return [
        line.replace(own, "OWN").replace(execution.first_run_id, "RUN") for line in (text, *steps)
    ]


def _entry(entry: StackEntry, kept: StackEntry) -> object:
    """A mirrored entry; the mirror keeps every output, the stack only what an undo declares."""
    return entry.model_copy(update={"output": kept.output} if kept.output is None else {})


def _mirrored(run: Run) -> object:
    assert run.mirrored is not None
    kept = sorted(run.execution.stack, key=lambda entry: entry.seq)
    mirrored = sorted(run.mirrored.stack, key=lambda entry: entry.seq)
    stack = [_entry(*pair) for pair in zip(mirrored, kept, strict=True)]
    return run.mirrored.model_copy(update={"stack": tuple(stack), "changed_at": None})


def _kept(run: Run) -> object:
    kept = sorted(run.execution.stack, key=lambda entry: entry.seq)
    return run.execution.model_copy(update={"stack": tuple(kept), "changed_at": None})
