"""Late writes lose: whatever the order, the batching and the repetitions, the rows end the same."""

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.reader import MirrorReader
from activities.mirror.registers import KEYS, REGISTERS
from rules.decisions import DecisionRecord, Verdict, Waiting
from rules.execution import Cause, EntryStatus, Status
from tests.activities.mirror.sagas import SOLD_OUT, Saga, at, entry

S = Saga()
ASKED = S.asked()
STEP_START = S.step(1)
STEP_RETRIED = S.step(1, ended=2, error=SOLD_OUT)
STEP_AGAIN = S.step(1, attempt=2)
STEP_END = S.step(1, attempt=2, ended=3, status=EntryStatus.COMPLETED, output={"id": 7})
OTHER_START = S.step(3.5, path="1", seq=2, component="pay")
OTHER_END = S.step(
    3.5, path="1", seq=2, component="pay", ended=4, status=EntryStatus.FAILED, error=SOLD_OUT
)
UNDOING = S.told(
    0,
    entry(1, ended=3, status=EntryStatus.COMPENSATING, undo_started=5),
    revision=1,
    changed=5,
    status=Status.COMPENSATING,
    cause=Cause.FAILURE,
    failed_step="pay",
)
UNDO_START = S.undo(5.5)
UNDO_RETRIED = S.undo(5.5, ended=6, error=SOLD_OUT)
UNDO_AGAIN = S.undo(5.5, attempt=2)
UNDO_END = S.undo(5.5, attempt=2, ended=7, status=EntryStatus.COMPENSATED)
WAITING = Waiting(path="0!", component="deductStock", since=at(7.2), until=at(90))
RETRY = DecisionRecord(
    kind="retry",
    decision_id="ticket-7",
    operator="ann",
    reason="the bank is back",
    at=at(7.5),
    verdict=Verdict.ACCEPTED,
    path="0!",
)
BLOCKED = S.told(
    0,
    entry(1, ended=3, status=EntryStatus.COMPENSATION_FAILED, undo_started=5, undo_ended=7),
    revision=2,
    changed=7.2,
    status=Status.COMPENSATION_BLOCKED,
    cause=Cause.FAILURE,
    failed_step="pay",
    waiting=(WAITING,),
)
FINAL = S.told(
    0,
    entry(1, ended=3, status=EntryStatus.COMPENSATED, undo_started=5, undo_ended=7),
    revision=3,
    changed=8,
    ended=8,
    status=Status.COMPENSATED,
    cause=Cause.FAILURE,
    failed_step="pay",
    decisions=(RETRY,),
)
HISTORY: tuple[Change, ...] = (
    ASKED,
    STEP_START,
    STEP_RETRIED,
    STEP_AGAIN,
    STEP_END,
    OTHER_START,
    OTHER_END,
    UNDOING,
    UNDO_START,
    UNDO_RETRIED,
    UNDO_AGAIN,
    UNDO_END,
    BLOCKED,
    FINAL,
)

Rows = dict[str, list[tuple[object, ...]]]


def rows_after(engine: Engine, batches: Iterable[Sequence[Change]]) -> Rows:
    """All mirror rows after writing the batches into empty tables, one transaction each."""
    with engine.begin() as connection:
        for table in REGISTERS:
            connection.execute(delete(table))
    for changes in batches:
        with engine.begin() as connection:
            Batch(changes).write(connection)
    with engine.connect() as connection:
        return {
            table.name: [
                tuple(row) for row in connection.execute(select(table).order_by(*KEYS_OF[table]))
            ]
            for table in REGISTERS
        }


KEYS_OF = {table: [table.c[name] for name in names] for table, names in KEYS.items()}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    known=st.sets(st.integers(0, len(HISTORY) - 1), min_size=1),
    again=st.lists(st.integers(0, len(HISTORY) - 1), max_size=6),
    seed=st.randoms(use_true_random=False),
    size=st.integers(1, 8),
)
def test_any_order_repetition_and_batching_gives_the_same_rows(
    engine: Engine, known: set[int], again: list[int], seed: random.Random, size: int
) -> None:
    told = [HISTORY[i] for i in sorted(known)]
    shuffled = [*told, *(HISTORY[i] for i in again if i in known)]
    seed.shuffle(shuffled)
    batches = [shuffled[i : i + size] for i in range(0, len(shuffled), size)]
    assert rows_after(engine, batches) == rows_after(engine, [[change] for change in told])


def test_the_whole_history_ends_as_the_workflow_says(engine: Engine, reader: MirrorReader) -> None:
    rows_after(engine, [list(reversed(HISTORY))])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    assert (found.status, found.cause, found.failed_step) == (
        Status.COMPENSATED,
        Cause.FAILURE,
        "pay",
    )
    assert (found.waiting, found.decisions) == ((), (RETRY,))
    step, other = found.stack
    assert (step.status, step.undone, step.undo_ended_at) == (EntryStatus.COMPENSATED, 1, at(7))
    # The workflow keeps no output here; the attempt's record of it is not lost to that.
    assert step.output == {"id": 7}
    assert (other.status, other.error) == (EntryStatus.FAILED, SOLD_OUT)


CASES: list[tuple[str, list[Change], EntryStatus]] = [
    ("an attempt that ran out still reports", [STEP_AGAIN, STEP_RETRIED], EntryStatus.RUNNING),
    ("the workflow judges a zombie", [FINAL, STEP_END], EntryStatus.COMPENSATED),
    ("an undo is over its step", [UNDO_START, STEP_END], EntryStatus.COMPENSATING),
    (
        "an end beats a workflow that saw it running",
        [S.told(0, entry(1, status=EntryStatus.RUNNING), changed=9), STEP_END],
        EntryStatus.COMPLETED,
    ),
    (
        "an undo's end beats a workflow that saw it undoing",
        [
            S.told(
                0,
                entry(1, ended=3, status=EntryStatus.COMPENSATING, undo_started=5),
                changed=9,
            ),
            UNDO_END,
        ],
        EntryStatus.COMPENSATED,
    ),
    (
        "a reset goes back to before the undo",
        [FINAL, S.told(0, entry(1, ended=3), revision=1, changed=20)],
        EntryStatus.COMPLETED,
    ),
    ("a step waits for a decision", [STEP_END, BLOCKED], EntryStatus.COMPENSATION_FAILED),
    ("a step runs again after a reset", [FINAL, S.step(20)], EntryStatus.RUNNING),
]


@pytest.mark.parametrize(("why", "changes", "status"), CASES, ids=[case[0] for case in CASES])
def test_which_status_stands(
    engine: Engine, reader: MirrorReader, why: str, changes: list[Change], status: EntryStatus
) -> None:
    for ordered in (changes, changes[::-1]):
        rows_after(engine, [[change] for change in ordered])
        found = reader.get(S.tenant, S.id)
        assert found is not None
        assert found.stack[0].status is status


def test_who_is_waited_for(engine: Engine, reader: MirrorReader) -> None:
    rows_after(engine, [[UNDO_RETRIED, BLOCKED], [ASKED, UNDO_START]])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    assert (found.status, found.waiting) == (Status.COMPENSATION_BLOCKED, (WAITING,))
    assert found.decisions == ()
    assert found.stack[0].undo_started_at == at(5)


SKIPPED = [
    (EntryStatus.COMPENSATION_SKIPPED, True),
    (EntryStatus.COMPENSATION_FAILED, True),
    (EntryStatus.SKIPPED, False),
    (EntryStatus.COMPLETED, False),
]


@pytest.mark.parametrize(("status", "undo_shown"), SKIPPED)
def test_an_undo_is_shown_while_the_status_tells_of_one(
    engine: Engine, reader: MirrorReader, status: EntryStatus, undo_shown: bool
) -> None:
    undone = entry(1, ended=3, status=status, undo_started=5, undo_ended=7)
    rows_after(engine, [[S.told(0, undone, changed=9)]])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    assert (found.stack[0].undo_ended_at is not None) == undo_shown
    kinds = {line.kind for line in reader.logs(S.tenant, S.id).lines}
    assert ("undo_ended" in kinds) == undo_shown


def test_after_a_reset_the_undo_of_the_old_history_is_not_shown(
    engine: Engine, reader: MirrorReader
) -> None:
    again: list[Change] = [FINAL, S.step(20)]
    rows_after(engine, [again])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    step = found.stack[0]
    assert (step.undo_started_at, step.undo_ended_at, step.undone) == (None, None, 0)


def test_a_step_makes_its_execution_known_and_overwrites_none(
    engine: Engine, reader: MirrorReader
) -> None:
    rows_after(engine, [[STEP_START]])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    assert (found.status, found.chain, found.request_sha) == (Status.RUNNING, S.chain, "")
    told: tuple[Change, ...] = (ASKED, STEP_START)
    for order in (told, told[::-1]):
        rows_after(engine, [[change] for change in order])
        assert reader.find_request_sha(S.tenant, S.id) == "request"


def test_an_undo_alone_tells_what_its_request_knows_of_the_step(
    engine: Engine, reader: MirrorReader
) -> None:
    rows_after(engine, [[UNDO_START]])
    found = reader.get(S.tenant, S.id)
    assert found is not None
    step = found.stack[0]
    assert (step.component, step.outcome, step.compensation, step.input) == (
        "deductStock",
        EntryStatus.COMPLETED,
        "undo_deductStock",
        {"item": "book"},
    )
