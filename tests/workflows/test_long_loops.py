"""Loops of many passes on Temporal, through many continued runs, forward and undone."""

from dataclasses import dataclass
from uuid import uuid4

import pytest

from rules.execution import EntryStatus, Status
from tests.workflows.cases import Case
from tests.workflows.lab import Lab
from tests.workflows.playing import frost_of
from tests.workflows.stages import OnTemporal, stage_of

PASSES = 200
LEAST_RUNS = 3


@dataclass(frozen=True)
class Long:
    chain: str
    hint: int = 400
    max_parallel: int = 50


LOOPS = {
    "one after the other": Long(f"THEN(FOR({PASSES}).DO(a), b)"),
    "in a WHEN, in windows": Long(
        f"THEN(WHEN(FOR({PASSES}).DO(a).parallel(true), c), b)", hint=150, max_parallel=10
    ),
}


@pytest.mark.parametrize("name", LOOPS)
async def test_two_hundred_passes(lab: Lab, name: str) -> None:
    long = LOOPS[name]
    case = Case(long.chain, "", refused="b", options={"max_parallel": long.max_parallel})
    id = f"long-{uuid4().hex[:8]}"
    stage = await stage_of(lab, frost_of(lab, case, long.hint), id, "temporal")
    assert isinstance(stage, OnTemporal)
    execution = await stage.end()
    assert execution.status is Status.COMPENSATED
    passes = [entry for entry in execution.stack if entry.tag == "a"]
    assert len({entry.path for entry in passes}) == len(passes) == PASSES
    undone = [e for e in execution.stack if e.status is EntryStatus.COMPENSATED]
    assert {entry.path for entry in passes} <= {entry.path for entry in undone}
    by_completion = sorted(undone, key=lambda entry: entry.ended, reverse=True)
    assert sorted(undone, key=lambda entry: entry.undone) == by_completion
    assert len(await lab.histories(id)) >= LEAST_RUNS
