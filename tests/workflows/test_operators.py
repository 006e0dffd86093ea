"""Every operator and modifier on both runtimes, also parked and uncached: all must agree.

Each run must end as the table says, and the runs of a case must be the same to the reader: steps,
outcomes, undos, errors, context.
"""

import asyncio
from collections import Counter
from typing import Any

import pytest
import pytest_asyncio

from rules.el.operators.table import OPERATORS
from rules.execution import EntryStatus, Execution, StackEntry, steps_string
from tests.workflows.cases import Case, words_of
from tests.workflows.lab import Lab
from tests.workflows.operators import CASES
from tests.workflows.operators_nested import EVERY_OPERATOR, NESTED
from tests.workflows.playing import begun

LIMIT = 300.0
# Without a cache one workflow at a time: another's task would cut its local activities short.
AT_ONCE = {"temporal": 12, "lowest": 12, "uncached": 1, "memory": 40, "memory_lowest": 40}
LONG = list(NESTED)
UNCACHED = [*[id for id in CASES if id not in NESTED][::11], EVERY_OPERATOR]
"""Cases that are run without a cache too; between them they have every operator."""
PARKED = [id for id in CASES if id not in NESTED or id in (*LONG[::3], EVERY_OPERATOR)]
"""Cases that park on Temporal, too: of the long ones a third, as each takes some twenty runs."""

Runs = dict[str, Execution | Exception]


@pytest_asyncio.fixture(scope="session")
async def performed(lab: Lab) -> dict[str, Runs]:
    """All cases side by side: those that wait for a time-out do not hold up the rest."""
    windows = {runtime: asyncio.Semaphore(number) for runtime, number in AT_ONCE.items()}

    async def one(id: str, case: Case, runtime: str) -> Execution | Exception:
        async with windows[runtime]:
            try:
                async with asyncio.timeout(LIMIT):
                    return await (await begun(lab, id, case, runtime)).end()
            except Exception as error:  # noqa: BLE001 - the test of this one case tells it
                return error

    asked = [(id, runtime) for id in CASES for runtime in runtimes(id)]
    found = await asyncio.gather(*(one(id, CASES[id], runtime) for id, runtime in asked))
    runs: dict[str, Runs] = {id: {} for id in CASES}
    for (id, runtime), run in zip(asked, found, strict=True):
        runs[id][runtime] = run
    return runs


def runtimes(id: str) -> list[str]:
    if CASES[id].in_one_run:
        return ["temporal", "memory"]
    parked = ("lowest",) if id in PARKED else ()
    uncached = ("uncached",) if id in UNCACHED else ()
    return ["temporal", "memory", "memory_lowest", *parked, *uncached]


def run_of(performed: dict[str, Runs], id: str, runtime: str) -> Execution:
    run = performed[id][runtime]
    if isinstance(run, Exception):
        raise run
    return run


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("id", "runtime"), [(id, name) for id in CASES for name in runtimes(id)])
async def test_ends_as_the_table_says(performed: dict[str, Runs], id: str, runtime: str) -> None:
    case, execution = CASES[id], run_of(performed, id, runtime)
    assert (execution.status, outcomes(execution)) == (case.status, Counter(case.outcomes))
    if case.ordered:
        assert [seen(entry) for entry in steps(execution)] == case.outcomes
    check_undos(execution, case.undos)
    if case.cause is not None:
        assert execution.cause is case.cause
    if case.code is not None:
        assert execution.error is not None
        assert execution.error.code == case.code
    attempts = {entry.tag: entry.attempts for entry in steps(execution)}
    assert {tag: attempts[tag] for tag in case.attempts} == case.attempts
    assert {key: execution.context[key] for key in case.context} == case.context


@pytest.mark.timeout(600)
@pytest.mark.parametrize("id", CASES)
async def test_runtimes_agree(performed: dict[str, Runs], id: str) -> None:
    expected = comparable(run_of(performed, id, "temporal"))
    for runtime in runtimes(id):
        assert comparable(run_of(performed, id, runtime)) == expected, runtime


SPELLINGS = {name for row in OPERATORS for name in (row.name, *row.aliases)}


def test_every_operator_has_a_case() -> None:
    words = {word for case in CASES.values() for text in case.texts for word in words_of(text)}
    assert SPELLINGS - words == set()


def test_every_operator_is_tried_without_a_cache() -> None:
    tried = [id for id in CASES if "uncached" in runtimes(id)]
    words = {word for id in tried for text in CASES[id].texts for word in words_of(text)}
    assert {row.name for row in OPERATORS} - words == set()


def test_every_case_runs_on_both_runtimes() -> None:
    """None is left out on Temporal; those that cannot be cut into several runs say why."""
    assert all({"temporal", "memory"} <= set(runtimes(id)) for id in CASES)
    left_out = [case.in_one_run for case in CASES.values() if case.in_one_run]
    assert len(left_out) <= 0.15 * len(CASES)


def steps(execution: Execution) -> list[StackEntry]:
    """The entries of components, in the order of starting; a literal head is none."""
    found = [entry for entry in execution.stack if not entry.component.startswith("LOOP_")]
    return sorted(found, key=lambda entry: entry.seq)


def seen(entry: StackEntry) -> tuple[str, EntryStatus | None]:
    skipped = entry.status is EntryStatus.SKIPPED
    return entry.tag or "", EntryStatus.SKIPPED if skipped else entry.outcome


def outcomes(execution: Execution) -> Counter[tuple[str, EntryStatus | None]]:
    return Counter(seen(entry) for entry in steps(execution))


def check_undos(execution: Execution, expected: str) -> None:
    """What is undone, and in reverse order of completion."""
    undone = [e for e in execution.stack if e.status is EntryStatus.COMPENSATED]
    undone.sort(key=lambda entry: entry.undone)
    tags = [entry.tag or "" for entry in undone]
    groups = [sorted(word.split("/")) for word in expected.split()]
    found = []
    for group in groups:
        found.append(sorted(tags[: len(group)]))
        tags = tags[len(group) :]
    assert (found, tags) == (groups, [])
    assert undone == sorted(undone, key=lambda entry: entry.ended, reverse=True)


def comparable(execution: Execution) -> dict[str, Any]:
    """An execution without what differs from run to run: times, the order of what is parallel."""
    kept = {"path", "component", "tag", "status", "outcome", "attempts", "undo_attempts"}
    stack = [entry.model_dump(include=kept) for entry in execution.stack]
    error = execution.error and (execution.error.type, execution.error.code)
    return {
        "status": execution.status,
        "cause": execution.cause,
        "failed_step": execution.failed_step,
        "error": error,
        "context": dict(sorted(execution.context.items())),
        "steps": sorted(steps_string(execution.stack).split("==>")),
        "stack": sorted(stack, key=lambda entry: str(entry["path"])),
        "decisions": [(one.kind, one.verdict) for one in execution.decisions],
    }
