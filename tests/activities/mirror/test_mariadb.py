"""What only a real server shows: batching on the wire, deadlocks, and outages of the process."""

import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from activities.mirror.lane import Lane
from activities.mirror.reader import MirrorReader
from activities.mirror.store import SqlStore
from activities.mirror.tables import saga_execution
from activities.mirror.views import Filter
from activities.mirror.writer import MirrorWriter
from dev.databases import DatabaseServer
from dev.processes import wait_until
from rules.execution import Status
from rules.source.engine import create_engine_for
from tests.activities.mirror.sagas import Saga, five_steps
from tests.activities.mirror.stores import Stores

LIMIT = 20.0
pytestmark = pytest.mark.parametrize("store", ["mariadb"], indirect=True)


@pytest.fixture
def server(stores: Stores) -> DatabaseServer:
    return stores.mariadb


@pytest.fixture
def impatient(database: str) -> Iterator[Engine]:
    engine = create_engine_for(database, "tests", answer_within=0.3)
    yield engine
    engine.dispose()


def counter(server: DatabaseServer, name: str) -> int:
    ((_, value),) = server.execute(f"SHOW GLOBAL STATUS LIKE '{name}'")
    return int(str(value))


def test_many_rows_are_one_statement(server: DatabaseServer, engine: Engine) -> None:
    lane = Lane(SqlStore(engine), capacity=10_000, batch=1000, interval=3600)
    before = counter(server, "Com_insert")
    for i in range(100):
        for change in five_steps(Saga(f"order-{i}")):
            lane.put(change)
    assert lane.flush(LIMIT)
    # 600 rows of two tables, in at most two batches, a megabyte to the statement.
    assert counter(server, "Com_insert") - before <= 8
    assert MirrorReader(engine).list("acme", Filter()).counts == {Status.COMPLETED: 100}
    lane.close_soon(LIMIT)
    assert lane.join()


def test_a_deadlock_is_tried_again_at_once(
    server: DatabaseServer, engine: Engine, writer: MirrorWriter, reader: MirrorReader
) -> None:
    first, last = Saga("a"), Saga("z")
    for saga in (first, last, *(Saga(f"ballast-{i}") for i in range(50))):
        writer.put(saga.asked())
    assert writer.flush(LIMIT)
    before = counter(server, "Innodb_deadlocks")
    lock = select(saga_execution).with_for_update()
    with capture_logs() as logs, engine.begin() as other:
        # The heavier transaction survives: this one, by its ballast.
        mine = saga_execution.c.tenant_id == "acme"
        ballast = mine & saga_execution.c.execution_id.between("ballast", "ballast-x")
        other.execute(update(saga_execution).where(ballast).values(revision=7))
        other.execute(lock.where(mine, saga_execution.c.execution_id == "z")).all()
        lane = Lane(SqlStore(engine), capacity=10, batch=2, interval=3600)
        lane.put(first.told(changed=5, revision=2))
        lane.put(last.told(changed=5, revision=2))
        wait_until(lambda: _waits_for_a_lock(server), LIMIT, "the writer to hold one lock")
        other.execute(lock.where(mine, saga_execution.c.execution_id == "a")).all()
    assert lane.flush(LIMIT)
    # Once or more: what is tried again at once may meet the same lock again.
    assert counter(server, "Innodb_deadlocks") > before
    assert logs == []
    for saga in (first, last):
        found = reader.get("acme", saga.id)
        assert found is not None
        assert found.revision == 2
    lane.close_soon(LIMIT)
    assert lane.join()


def _waits_for_a_lock(server: DatabaseServer) -> bool:
    # Not from innodb_trx, whose rows stay as they were while somebody asks for them often.
    return counter(server, "Innodb_row_lock_current_waits") > 0


def suspend(server: DatabaseServer) -> Callable[[], None]:
    server.suspend()
    return server.resume


def kill(server: DatabaseServer) -> Callable[[], None]:
    server.kill()
    return server.start


@pytest.mark.parametrize("take_away", [suspend, kill])
def test_nothing_is_lost_while_the_server_is_away(
    server: DatabaseServer,
    impatient: Engine,
    take_away: Callable[[DatabaseServer], Callable[[], None]],
) -> None:
    writer, reader = MirrorWriter(impatient, interval=0), MirrorReader(impatient)
    for change in five_steps(Saga("before")):
        writer.put(change)
    assert writer.flush(LIMIT)
    with capture_logs() as logs:
        bring_back = take_away(server)
        try:
            during = [Saga(f"during-{i}") for i in range(20)]
            for saga in during:
                for change in five_steps(saga):
                    writer.put(change)
            wait_until(lambda: writer.stats.failing_since, 5, "the writer to notice")
            asked_at = monotonic()
            with pytest.raises(OperationalError):
                reader.get("acme", "before")
            assert monotonic() - asked_at < 3
        finally:
            bring_back()
        assert writer.flush(LIMIT)
    assert [line["event"] for line in logs] == ["mirror_database_down", "mirror_database_back"]
    stats = writer.stats
    assert (stats.queued, stats.dropped, stats.failing_since) == (0, 0, None)
    assert stats.written == 12 * 21
    assert reader.list("acme", Filter()).counts == {Status.COMPLETED: 21}
    for saga in (Saga("before"), *during):
        found = reader.get("acme", saga.id)
        assert found is not None
        assert [step.output for step in found.stack] == [0, 1, 2, 3, 4]
    assert writer.close(LIMIT)


def test_a_database_that_is_not_migrated_yet_is_waited_for(
    server: DatabaseServer, engine: Engine, reader: MirrorReader
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE saga_step_execution RENAME TO away")
    writer = MirrorWriter(engine, interval=0)
    for change in five_steps(Saga()):
        writer.put(change)
    wait_until(lambda: writer.stats.failing_since, LIMIT, "the writer to notice")
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO saga_step_execution")
    assert writer.close(LIMIT)
    assert writer.stats.dropped == 0
    found = reader.get("acme", "order-1")
    assert found is not None
    assert len(found.stack) == 5


def test_writers_in_opposite_orders_end_the_same(database: str, server: DatabaseServer) -> None:
    """Two processes tell the same sagas, the one backwards: collisions cost nothing."""
    engines = [create_engine_for(database, f"tests {i}") for i in range(2)]
    lanes = [Lane(SqlStore(e), capacity=10_000, batch=40, interval=0) for e in engines]
    sagas = [Saga(f"order-{i:03}") for i in range(40)]

    def tell(lane: Lane, told: list[Saga]) -> None:
        for saga in told:
            for change in five_steps(saga):
                lane.put(change)

    orders = [sagas, sagas[::-1]]
    tellers = [threading.Thread(target=tell, args=pair) for pair in zip(lanes, orders, strict=True)]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join(LIMIT)
    for lane in lanes:
        assert lane.flush(LIMIT)
        assert lane.stats.dropped == 0
        lane.close_soon(LIMIT)
        assert lane.join()
    page = MirrorReader(engines[0]).list("acme", Filter())
    assert page.counts == {Status.COMPLETED: 40}
    for engine in engines:
        engine.dispose()
