"""The step string: what stands in it of each kind of entry."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rules.execution import EntryStatus, StackEntry, Status, SubRun, steps_string

AT = datetime(2026, 1, 1, tzinfo=UTC)
DONE, REFUSED, LOST, LEFT_OUT = (
    EntryStatus.COMPLETED,
    EntryStatus.FAILED,
    EntryStatus.UNKNOWN,
    EntryStatus.SKIPPED,
)


def entry(component: str, outcome: EntryStatus | None = DONE, **more: Any) -> StackEntry:
    known = {"seq": 1, "path": "0", "attempts": 1, **more}
    status = outcome or EntryStatus.RUNNING
    return StackEntry(component=component, status=status, outcome=outcome, started_at=AT, **known)


def ran(steps: str) -> SubRun:
    return SubRun(execution_id="id", chain="c", status=Status.COMPLETED, steps=steps)


CASES: dict[str, tuple[list[StackEntry], str]] = {
    "nothing": ([], ""),
    "in the order of starting": ([entry("b", seq=2), entry("a")], "a==>b"),
    "a name": ([entry("a", name="Take it"), entry("b", seq=2)], "a[Take it]==>b"),
    "each attempt": ([entry("a", attempts=3, name="A"), entry("b", seq=2)], "a[A]==>" * 3 + "b"),
    "running": ([entry("a", None, attempts=0)], "a"),
    "refused": ([entry("a", REFUSED, attempts=2)], "a==>a"),
    "lost": ([entry("a", LOST)], "a"),
    "never sent, or access failed": ([entry("a", REFUSED, attempts=0), entry("b", seq=2)], "b"),
    "not accessible": ([entry("a", LEFT_OUT, attempts=0), entry("b", seq=2)], "b"),
    "a literal head": ([entry("LOOP_3"), entry("a", seq=2)], "LOOP_3==>a"),
    "undone": ([entry("a").model_copy(update={"status": EntryStatus.COMPENSATED})], "a"),
    "what it ran": (
        [entry("a", attempts=2, sub_runs=(ran("x==>y"), ran(""), ran("z[Z]"))), entry("b", seq=2)],
        "a==>a==>x==>y==>z[Z]==>b",
    ),
}


@pytest.mark.parametrize("id", CASES)
def test_steps(id: str) -> None:
    stack, expected = CASES[id]
    assert steps_string(stack) == expected


def test_what_an_entry_does_not_have_is_not_written() -> None:
    """So that what was written before is written the same now."""
    assert not {"name", "note", "sub_runs"} & entry("a").model_dump().keys()
    assert entry("a", sub_runs=()).model_dump()["sub_runs"] == ()
