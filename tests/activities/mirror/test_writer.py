"""The writer: batches, an outage, overflow, rows that are refused, two writers on one file."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from activities.mirror.backlog import Backlog
from activities.mirror.reader import MirrorReader
from activities.mirror.views import Filter
from activities.mirror.writer import MirrorWriter
from migrations.run import upgrade
from rules.execution import EntryStatus, Status
from rules.source.engine import create_engine_for
from tests.activities.mirror.sagas import Saga, at, five_steps
from tests.activities.mirror.stores import StoreName

LIMIT = 20.0


def test_a_saga_is_written_in_few_statements(
    engine: Engine, writer: MirrorWriter, reader: MirrorReader
) -> None:
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def _count(_c: object, _cur: object, statement: str, *_: object) -> None:
        statements.append(statement)

    for change in five_steps(Saga()):
        writer.put(change)
    assert writer.flush(LIMIT)
    # The first change may be on its way alone before the others are put.
    assert sum(statement.startswith("INSERT") for statement in statements) <= 4
    found = reader.get("acme", "order-1")
    assert found is not None
    assert [step.output for step in found.stack] == [0, 1, 2, 3, 4]
    assert [step.ended for step in found.stack] == [1, 2, 3, 4, 5]
    assert found.status is Status.COMPLETED
    stats = writer.stats
    assert (stats.queued, stats.written, stats.dropped, stats.failing_since) == (0, 12, 0, None)


def test_flush_of_nothing_is_done_at_once(writer: MirrorWriter) -> None:
    assert writer.flush(0)


def test_without_a_flush_the_interval_writes(engine: Engine, reader: MirrorReader) -> None:
    written = threading.Event()
    event.listen(engine, "commit", lambda _: written.set())
    writer = MirrorWriter(engine, interval=0.01)
    writer.put(Saga().asked())
    assert written.wait(LIMIT)
    writer.close(LIMIT)
    assert reader.get("acme", "order-1") is not None


def test_close_writes_what_waits(engine: Engine, reader: MirrorReader) -> None:
    writer = MirrorWriter(engine, interval=3600)
    for change in five_steps(Saga()):
        writer.put(change)
    assert writer.close(LIMIT)
    assert reader.get("acme", "order-1") is not None


def test_close_of_a_writer_that_never_wrote(engine: Engine) -> None:
    assert MirrorWriter(engine).close(LIMIT)


def test_a_database_taken_away_and_brought_back(tmp_path: Path) -> None:
    """The file's folder does not exist at first: every connection fails until it does."""
    folder = tmp_path / "later"
    url = f"sqlite:///{folder}/mirror.db"
    engine = create_engine_for(url, "tests")
    with capture_logs() as logs:
        writer = MirrorWriter(engine, interval=0)
        for change in five_steps(Saga()):
            writer.put(change)
        assert not writer.flush(0.3)
        down = writer.stats
        assert down.failing_since is not None
        assert (down.queued, down.written, down.dropped) == (12, 0, 0)

        folder.mkdir()
        upgrade(url)
        assert writer.flush(LIMIT)
    assert [line["event"] for line in logs] == ["mirror_database_down", "mirror_database_back"]
    assert writer.stats.failing_since is None
    assert writer.stats.written == 12

    # And once more, while it runs: the table is away, then back.
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE saga_execution RENAME TO away")
    writer.put(Saga("order-2").asked())
    assert not writer.flush(0.3)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO saga_execution")
    assert writer.flush(LIMIT)
    assert MirrorReader(engine).get("acme", "order-2") is not None
    assert writer.close(LIMIT)
    engine.dispose()


def test_closing_during_an_outage_gives_up_in_time(tmp_path: Path) -> None:
    engine = create_engine_for(f"sqlite:///{tmp_path}/no/mirror.db", "tests")
    writer = MirrorWriter(engine, interval=0)
    writer.put(Saga().asked())
    assert not writer.flush(0.1)
    with capture_logs() as logs:
        assert not writer.close(0.2)
    assert logs[-1]["event"] == "mirror_closed_with_changes_left"
    assert logs[-1]["left"] == 1


def test_overflow_drops_the_oldest_steps_and_the_end_heals(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    url = f"sqlite:///{folder}/mirror.db"
    engine = create_engine_for(url, "tests")
    writer = MirrorWriter(engine, capacity=20, batch=1, interval=0)
    sagas = [Saga(f"order-{i}") for i in range(10)]
    for saga in sagas:
        for change in five_steps(saga):
            writer.put(change)
    # 120 changes: 20 wait, at most one is in hand, the others were steps.
    assert writer.stats.dropped >= 99
    folder.mkdir()
    upgrade(url)
    assert writer.flush(LIMIT)
    page = MirrorReader(engine).list("acme", Filter())
    assert page.counts == {Status.COMPLETED: 10}
    for saga in sagas:
        found = MirrorReader(engine).get("acme", saga.id)
        assert found is not None
        assert len(found.stack) == 5
    writer.close(LIMIT)
    engine.dispose()


def test_a_full_backlog_keeps_the_newest_executions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later/mirror.db"
    engine = create_engine_for(url, "tests")
    writer = MirrorWriter(engine, capacity=1, batch=1, interval=0)
    writer.put(Saga("first").asked())
    assert not writer.flush(0.1)
    for name in ("second", "third", "fourth"):
        writer.put(Saga(name).asked())
    assert (writer.stats.dropped, writer.stats.queued) == (2, 2)
    (tmp_path / "later").mkdir()
    upgrade(url)
    assert writer.flush(LIMIT)
    known = [item.execution_id for item in MirrorReader(engine).list("acme", Filter()).items]
    assert sorted(known) == ["first", "fourth"]
    writer.close(LIMIT)
    engine.dispose()


BACKLOGS: list[tuple[str, str, str]] = [
    ("room for all", "sse", "ess"),
    ("the oldest steps go", "ssesse", "eses"),
    ("executions go when there is nothing else", "eeeee", "eeee"),
    ("a step does not push an execution out", "eeees", "eeee"),
]


@pytest.mark.parametrize(("why", "put", "left"), BACKLOGS, ids=[case[0] for case in BACKLOGS])
def test_what_a_full_backlog_keeps(why: str, put: str, left: str) -> None:
    saga, backlog = Saga(), Backlog(4)
    for i, kind in enumerate(put):
        backlog.put(saga.asked(i) if kind == "e" else saga.step(i))
    assert backlog.last_ticket == len(put)
    assert backlog.dropped == max(0, len(put) - 4)
    kinds = ["s" if hasattr(change, "record") else "e" for change in backlog.take(100)]
    assert sorted(kinds) == sorted(left)
    assert backlog.oldest_ticket() == len(put) + 1


CURSES: dict[StoreName, str] = {
    "sqlite": "WHEN NEW.component = 'cursed' BEGIN SELECT RAISE(ABORT, 'cursed'); END",
    "mariadb": "FOR EACH ROW BEGIN IF NEW.component = 'cursed' THEN"
    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cursed'; END IF; END",
}


def test_a_row_that_the_database_refuses_costs_no_other(
    engine: Engine, reader: MirrorReader, store: StoreName
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON saga_step_execution {CURSES[store]}"
        )
    saga = Saga()
    with capture_logs() as logs:
        writer = MirrorWriter(engine)
        writer.put(saga.step(1, path="0", component="cursed"))
        writer.put(saga.step(2, path="1", seq=2, component="pay"))
        assert not writer.flush(LIMIT)
        assert writer.close(LIMIT)
    assert [line["event"] for line in logs] == ["mirror_row_refused"]
    assert writer.stats.dropped == 1
    found = reader.get("acme", "order-1")
    assert found is not None
    assert [step.component for step in found.stack] == ["pay"]


def test_a_value_that_is_no_json_costs_no_other(engine: Engine, reader: MirrorReader) -> None:
    saga = Saga()
    strange: Any = object()
    with capture_logs():
        writer = MirrorWriter(engine)
        writer.put(saga.step(1, ended=2, status=EntryStatus.COMPLETED, output=strange))
        writer.put(Saga("order-2").asked())
        writer.flush(LIMIT)
        assert writer.close(LIMIT)
    assert writer.stats.dropped == 1
    assert reader.get("acme", "order-2") is not None


def test_two_writers_at_once_on_one_database(database: str) -> None:
    engines = [create_engine_for(database, f"tests {i}") for i in range(2)]
    writers = [MirrorWriter(engine, batch=7, interval=0) for engine in engines]
    sagas = [Saga(f"order-{i:03}") for i in range(60)]

    def tell(writer: MirrorWriter, *, backwards: bool) -> None:
        for saga in sagas:
            changes = five_steps(saga)
            for change in reversed(changes) if backwards else changes:
                writer.put(change)

    tellers = [
        threading.Thread(target=tell, args=(writer,), kwargs={"backwards": i == 1})
        for i, writer in enumerate(writers)
    ]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join(LIMIT)
    assert all(writer.close(LIMIT) for writer in writers)
    assert [writer.stats.written for writer in writers] == [720, 720]
    reader = MirrorReader(engines[0])
    assert reader.list("acme", Filter()).counts == {Status.COMPLETED: 60}
    found = reader.get("acme", "order-031")
    assert found is not None
    assert [step.output for step in found.stack] == [0, 1, 2, 3, 4]
    assert found.ended_at == at(9)
    for engine in engines:
        engine.dispose()
