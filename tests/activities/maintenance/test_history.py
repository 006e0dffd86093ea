"""What the clean-up of the history deletes: what is over for long enough, and nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import uuid4

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, func, select
from temporalio.client import Client

from activities.maintenance.alerts import alert_id, raise_alert
from activities.maintenance.clean import clean_history
from activities.maintenance.history import Old, delete_old, find_old
from activities.maintenance.troubles import aborted_alert
from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.tables import metadata, saga_execution
from rules.execution import EntryStatus, Status
from rules.jobs import Deleted, DeleteHistory, retention
from tests.activities.mirror.sagas import NOON, Saga, entry

FINAL = [status for status in Status if status.final]
KEEP = {
    Status.COMPLETED: 30,
    Status.COMPENSATED: 60,
    Status.CANCELLED: 1,
    Status.FAILED: 180,
    Status.ABORTED: 365,
}
# Days since the end: on both sides of each limit, and far from all of them.
AGES = [0, 0.5, 2, 29.9, 30.1, 59.9, 60.1, 179.9, 180.1, 364.9, 365.1, 5000]


def seconds_ago(days: float) -> float:
    """Seconds after noon of the records' day."""
    return (datetime.now(UTC) - timedelta(days=days) - NOON).total_seconds()


def told(engine: Engine, *changes: Change) -> None:
    with engine.begin() as connection:
        Batch(changes).write(connection)


def ended(saga: Saga, status: Status, days: float) -> list[Change]:
    """All that is kept of a saga: its row, a step, an attempt of an undo."""
    end = seconds_ago(days)
    step = entry(end - 2, ended=end - 1)
    undo = saga.undo(end - 1, ended=end, status=EntryStatus.COMPENSATED)
    final = saga.told(end - 3, step, changed=end, ended=end, status=status)
    return [saga.step(end - 2), undo, final]


def still_open(saga: Saga, status: Status, days: float) -> list[Change]:
    start = seconds_ago(days)
    return [saga.step(start), saga.told(start, changed=start, status=status)]


def ids(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(saga_execution.c.execution_id)).scalars())


def rows(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
            if "execution_id" in table.columns
        }


async def clean(client: Client, engine: Engine, order: DeleteHistory) -> tuple[Deleted, list[int]]:
    """What was done, and how many were deleted after each batch."""
    progress: list[int] = []

    def tell(done: BaseModel) -> None:
        assert isinstance(done, Deleted)
        progress.append(done.total)

    return await clean_history(client, engine, order, Deleted(), tell), progress


async def test_every_status_at_every_age(client: Client, engine: Engine) -> None:
    expected = set()
    for status, days in product(Status, AGES):
        saga = Saga(f"{status}-{days}", tenant=f"t{int(days) % 3}")
        told(engine, *(ended if status.final else still_open)(saga, status, days))
        if not (status in KEEP and days > KEEP[status]):
            expected.add(saga.id)
    # Known only from a record of a step, however old.
    told(engine, Saga("guessed").step(seconds_ago(4000)))
    expected.add("guessed")
    done, _ = await clean(client, engine, DeleteHistory(keep=KEEP, limit=10_000, batch=7))
    assert ids(engine) == expected
    assert done.exhausted
    assert done.total == len(Status) * len(AGES) + 1 - len(expected)
    assert Status.PARTIALLY_COMPENSATED not in done.deleted
    again, _ = await clean(client, engine, DeleteHistory(keep=KEEP, limit=10_000, batch=7))
    assert (again.total, again.batches, again.exhausted) == (0, 0, True)


async def test_nothing_of_it_is_left(client: Client, engine: Engine) -> None:
    told(engine, *ended(Saga("old"), Status.ABORTED, 400))
    told(engine, *ended(Saga("old", tenant="other"), Status.ABORTED, 2))
    for tenant in ("acme", "other"):
        execution = Saga("old", tenant=tenant).told(0, ended=1, status=Status.ABORTED).execution
        assert raise_alert(engine, aborted_alert(execution))
    assert set(rows(engine).values()) == {2}
    await clean(client, engine, DeleteHistory(keep=KEEP, limit=10, batch=10))
    assert set(rows(engine).values()) == {1}


@pytest.mark.parametrize(
    ("limit", "batch", "after_each", "exhausted"),
    [
        (100, 4, [4, 8, 11], True),
        (11, 4, [4, 8, 11], True),
        (10, 4, [4, 8, 10], False),
        (3, 4, [3], False),
        (1, 1, [1], False),
    ],
)
async def test_batches_and_runs_are_bounded(
    client: Client,
    engine: Engine,
    *,
    limit: int,
    batch: int,
    after_each: list[int],
    exhausted: bool,
) -> None:
    for number in range(11):
        told(engine, *ended(Saga(f"old-{number:02}"), Status.COMPLETED, 40 + number))
    done, progress = await clean(client, engine, DeleteHistory(keep=KEEP, limit=limit, batch=batch))
    assert progress == after_each
    assert (done.batches, done.exhausted) == (len(after_each), exhausted)
    # The oldest go first.
    assert ids(engine) == {f"old-{number:02}" for number in range(11 - after_each[-1])}


async def test_what_temporal_still_runs_stays_whatever_the_mirror_says(
    client: Client, engine: Engine
) -> None:
    """As after a reset of a saga that had ended. No worker takes these workflows."""
    plain, odd, wide = (uuid4().hex[:8] for _ in range(3))
    names = [f"{plain} /#1:2", f"o'clock \\ %_ \" {odd}", f"订单-{wide}"]
    for number, name in enumerate([*names, "gone"]):
        told(engine, *ended(Saga(name), Status.COMPLETED, 100 - number))
    runs = [
        await client.start_workflow("any", id=f"acme:{name}", task_queue="nobody") for name in names
    ]
    listed: Sequence[object] = ()
    while len(listed) < len(runs):
        listed = [
            run
            async for run in client.list_workflows("TaskQueue = 'nobody'")
            if run.id in {each.id for each in runs}
        ]
    done, _ = await clean(client, engine, DeleteHistory(keep=KEEP, limit=10, batch=1))
    assert (done.total, done.kept_open, done.exhausted) == (1, 3, True)
    assert ids(engine) == set(names)
    for run in runs:
        await run.terminate()


async def test_a_dry_run_counts_and_deletes_nothing(client: Client, engine: Engine) -> None:
    for number in range(3):
        told(engine, *ended(Saga(f"old-{number}"), Status.COMPLETED, 40))
    before = rows(engine)
    order = DeleteHistory(keep=KEEP, limit=1, batch=1, dry_run=True)
    done, progress = await clean(client, engine, order)
    assert (done.total, done.batches, progress) == (3, 0, [])
    assert rows(engine) == before


def test_what_is_told_of_anew_meanwhile_stays(engine: Engine) -> None:
    saga = Saga("back")
    told(engine, *ended(saga, Status.COMPLETED, 40))
    before = datetime.now(UTC) - timedelta(days=30)
    found = find_old(engine, Status.COMPLETED, before, 10)
    assert [old.execution_id for old in found] == ["back"]
    told(engine, *still_open(saga, Status.RUNNING, 0))
    assert delete_old(engine, Status.COMPLETED, before, found) == 0
    assert rows(engine)["saga_step_execution"] == 1
    unknown = Old("acme", "unknown", before)
    assert delete_old(engine, Status.COMPLETED, before, [unknown]) == 0


def test_an_alert_is_raised_once(engine: Engine) -> None:
    execution = Saga("a").told(0, ended=1, status=Status.ABORTED).execution
    alert = aborted_alert(execution)
    assert raise_alert(engine, alert)
    assert not raise_alert(engine, alert)
    assert execution.ended_at is not None
    later = execution.ended_at + timedelta(microseconds=1)
    assert alert.id != alert_id(alert.kind, "acme", "a", None, later)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COMPLETED=30,OTHERS=180", dict.fromkeys(FINAL, 180) | {Status.COMPLETED: 30}),
        ("FAILED=5", {Status.FAILED: 5}),
        (" OTHERS=1 , ", dict.fromkeys(FINAL, 1)),
        ("", {}),
    ],
)
def test_retention_in_words(text: str, expected: dict[Status, int]) -> None:
    assert retention(text) == expected


@pytest.mark.parametrize("text", ["RUNNING=3", "DONE=3", "FAILED", "FAILED=0", "FAILED=-1", "=3"])
def test_retention_that_makes_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="is not a final status"):
        retention(text)
