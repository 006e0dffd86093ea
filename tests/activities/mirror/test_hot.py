"""The hot state on a real Redis: the same order as SQL's, expiry, outages, and who wins a read."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from structlog.testing import capture_logs

from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.hot import HotState, key_of
from activities.mirror.reader import MirrorReader
from activities.mirror.versions import WIDTH
from activities.mirror.writer import MirrorWriter
from dev.databases import RedisServer
from dev.processes import wait_until
from rules.execution import EntryStatus, Status
from rules.source.engine import create_engine_for
from tests.activities.mirror.sagas import Saga, at, entry, five_steps
from tests.activities.mirror.stores import Stores
from tests.activities.mirror.test_late_writes import FINAL, HISTORY, STEP_END, STEP_START, S

LIMIT = 20.0
KEY = key_of(S.tenant, S.id)
on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)


@pytest.fixture
def server(stores: Stores) -> RedisServer:
    return stores.redis


@pytest.fixture
def client(server: RedisServer) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def hot(server: RedisServer, client: "redis.Redis") -> Iterator[HotState]:
    hot = HotState(server.url, answer_within=0.3)
    yield hot
    hot.close()


def in_sql(engine: Engine, *changes: Change) -> None:
    with engine.begin() as connection:
        Batch(changes).write(connection)


def in_redis(hot: HotState, *changes: Change) -> None:
    hot.write(Batch(changes))


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
@on_mariadb
def test_any_order_ends_as_sql_does(
    engine: Engine,
    hot: HotState,
    client: "redis.Redis",
    *,
    known: set[int],
    again: list[int],
    seed: random.Random,
    size: int,
) -> None:
    told = [HISTORY[i] for i in sorted(known)]
    shuffled = [*told, *(HISTORY[i] for i in again if i in known)]
    seed.shuffle(shuffled)
    client.flushall()
    for i in range(0, len(shuffled), size):
        in_redis(hot, *shuffled[i : i + size])
    with engine.begin() as connection:
        for table in ("saga_execution", "saga_step_execution", "saga_compensation_log"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - our own names
    in_sql(engine, *told)
    found = MirrorReader(engine, hot).find(S.tenant, S.id)
    assert found is not None
    assert (found.source, found.execution) == ("redis", MirrorReader(engine).get(S.tenant, S.id))
    assert found.as_of == found.execution.changed_at


LIVES: list[tuple[str, list[Change], timedelta]] = [
    ("open", [S.asked(), STEP_START], timedelta(days=7)),
    ("closed", [STEP_START, FINAL], timedelta(hours=1)),
    ("closed, and a late record", [FINAL, STEP_END], timedelta(hours=1)),
    ("only a step", [STEP_START], timedelta(days=7)),
    ("open again after a reset", [FINAL, S.told(changed=20)], timedelta(days=7)),
]


@pytest.mark.parametrize(("why", "changes", "life"), LIVES, ids=[case[0] for case in LIVES])
def test_every_write_puts_the_expiry_off(
    hot: HotState, client: "redis.Redis", why: str, changes: list[Change], life: timedelta
) -> None:
    for change in changes:
        in_redis(hot, change)
    assert life.total_seconds() - 5 <= client.ttl(KEY) <= life.total_seconds()
    client.expire(KEY, 10)
    in_redis(hot, changes[0])
    assert client.ttl(KEY) >= life.total_seconds() - 5


def test_the_lives_are_settings(server: RedisServer, client: "redis.Redis") -> None:
    brief = HotState(server.url, open_for=timedelta(seconds=90), closed_for=timedelta(seconds=30))
    in_redis(brief, STEP_START)
    assert 80 <= client.ttl(KEY) <= 90
    in_redis(brief, FINAL)
    assert client.ttl(KEY) <= 30
    brief.close()


@on_mariadb
def test_a_key_of_an_older_version_is_read_and_merged(
    engine: Engine, hot: HotState, client: "redis.Redis"
) -> None:
    in_redis(hot, FINAL)
    older = str(client.hget(KEY, "execution"), "utf-8")  # type: ignore[arg-type] # sync client
    version, row = older[:WIDTH], from_json(older[WIDTH:])
    del row["waiting"], row["decisions"]
    client.hset(KEY, "execution", version + to_json(row).decode())
    in_sql(engine, STEP_END, S.step(9, path="7", seq=7))
    found = MirrorReader(engine, hot).find(S.tenant, S.id)
    assert found is not None
    assert (found.source, found.execution.status) == ("sql", Status.COMPENSATED)
    assert (found.execution.waiting, found.execution.decisions) == ((), ())


def test_tenants_are_apart(hot: HotState) -> None:
    in_redis(hot, Saga("a:b", tenant="x").asked(), Saga("b", tenant="y").asked(1))
    assert hot.get("x", "b") is None
    assert hot.get("y", "a:b") is None
    found = hot.get("x", "a:b")
    assert found is not None
    assert found.told().started_at == at(0)


FRESH: list[tuple[str, list[Change], list[Change], str, EntryStatus]] = [
    ("both know all", [S.asked(), STEP_END], [S.asked(), STEP_END], "redis", EntryStatus.COMPLETED),
    ("Redis is ahead", [S.asked(), STEP_END], [S.asked()], "redis", EntryStatus.COMPLETED),
    (
        "Redis missed the end of a step",
        [S.asked(), STEP_START],
        [S.asked(), STEP_START, STEP_END],
        "sql",
        EntryStatus.COMPLETED,
    ),
    (
        "Redis was emptied, and a late record came",
        [STEP_START],
        [S.asked(), STEP_END],
        "sql",
        EntryStatus.COMPLETED,
    ),
    (
        "Redis missed the end of the saga",
        [S.asked(), STEP_END],
        [S.asked(), STEP_END, FINAL],
        "sql",
        EntryStatus.COMPENSATED,
    ),
    (
        "Redis missed a step and knows a later one",
        [S.asked(), STEP_END],
        [S.asked(), S.step(0.5, path="9", seq=9)],
        "sql",
        EntryStatus.COMPLETED,
    ),
]


@on_mariadb
@pytest.mark.parametrize(
    ("why", "redis_knows", "sql_knows", "source", "status"), FRESH, ids=[c[0] for c in FRESH]
)
def test_a_stale_key_never_wins(
    engine: Engine,
    hot: HotState,
    *,
    why: str,
    redis_knows: list[Change],
    sql_knows: list[Change],
    source: str,
    status: EntryStatus,
) -> None:
    in_redis(hot, *redis_knows)
    in_sql(engine, *sql_knows)
    found = MirrorReader(engine, hot).find(S.tenant, S.id)
    assert found is not None
    assert (found.source, found.execution.stack[0].status) == (source, status)


def test_redis_answers_alone_while_sql_does_not(hot: HotState, tmp_path: Any) -> None:
    engine = create_engine_for(f"sqlite:///{tmp_path}/no/mirror.db", "tests")
    reader = MirrorReader(engine, hot)
    in_redis(hot, STEP_START)
    with pytest.raises(SQLAlchemyError):
        reader.find(S.tenant, S.id)  # a guess is no answer
    in_redis(hot, S.asked())
    found = reader.find(S.tenant, S.id)
    assert found is not None
    assert (found.source, found.execution.status) == ("redis", Status.RUNNING)
    with pytest.raises(SQLAlchemyError):
        reader.find(S.tenant, "nobody")
    engine.dispose()


@on_mariadb
def test_without_redis_sql_answers_alone(engine: Engine, writer: MirrorWriter) -> None:
    for change in five_steps(Saga()):
        writer.put(change)
    assert writer.flush(LIMIT)
    assert writer.stats.hot is None
    found = MirrorReader(engine).find("acme", "order-1")
    assert found is not None
    assert found.source == "sql"
    assert MirrorReader(engine).find("acme", "nobody") is None


def suspend(server: RedisServer) -> Callable[[], None]:
    server.suspend()
    return server.resume


def kill(server: RedisServer) -> Callable[[], None]:
    server.kill()
    return server.start


@on_mariadb
@pytest.mark.parametrize("take_away", [suspend, kill])
def test_redis_away_holds_nothing_up(
    engine: Engine,
    hot: HotState,
    server: RedisServer,
    take_away: Callable[[RedisServer], Callable[[], None]],
) -> None:
    writer, reader = MirrorWriter(engine, hot, interval=0), MirrorReader(engine, hot)
    told = five_steps(Saga())
    writer.put(told[0])
    wait_until(lambda: _hot_written(writer) == 1, LIMIT, "the first record")
    with capture_logs() as logs:
        bring_back = take_away(server)
        try:
            for change in told[1:]:
                writer.put(change)
            assert writer.flush(5)
            found = reader.find("acme", "order-1")
            assert found is not None
            assert (found.source, found.execution.status) == ("sql", Status.COMPLETED)
            wait_until(lambda: _hot_down(writer), LIMIT, "the writer to notice")
        finally:
            bring_back()
        wait_until(lambda: _hot_written(writer) == 12, LIMIT, "Redis to be filled again")
        wait_until(lambda: _source(reader) == "redis", LIMIT, "the reader to ask Redis again")
    assert sorted(line["event"] for line in logs) == [
        "mirror_redis_back",
        "mirror_redis_down",
        "mirror_redis_read_again",
        "mirror_redis_unread",
    ]
    assert writer.stats.failing_since is None
    assert writer.close(LIMIT)


def _hot_written(writer: MirrorWriter) -> int:
    hot = writer.stats.hot
    assert hot is not None
    return hot.written


def _hot_down(writer: MirrorWriter) -> bool:
    hot = writer.stats.hot
    return hot is not None and hot.failing_since is not None


def _source(reader: MirrorReader) -> str | None:
    found = reader.find("acme", "order-1")
    return found.source if found else None


def test_sql_away_holds_redis_up_no_more(hot: HotState, tmp_path: Any) -> None:
    engine = create_engine_for(f"sqlite:///{tmp_path}/no/mirror.db", "tests")
    writer = MirrorWriter(engine, hot, interval=0)
    for change in five_steps(Saga()):
        writer.put(change)
    wait_until(lambda: _hot_written(writer) == 12, LIMIT, "Redis to know")
    found = MirrorReader(engine, hot).find("acme", "order-1")
    assert found is not None
    assert found.execution.status is Status.COMPLETED
    with capture_logs():
        assert not writer.close(0.1)
    engine.dispose()


@on_mariadb
def test_a_key_that_is_not_ours_costs_no_other(
    engine: Engine, hot: HotState, client: "redis.Redis"
) -> None:
    client.set(KEY, "somebody's")
    writer = MirrorWriter(engine, hot, interval=0)
    with capture_logs() as logs:
        writer.put(S.asked())
        writer.put(Saga("other").asked())
        assert writer.close(LIMIT)
        assert hot.get(S.tenant, S.id) is None
    assert logs[0]["event"] == "mirror_row_refused"
    assert client.exists(key_of(S.tenant, "other"))


@on_mariadb
def test_large_sagas_fit(engine: Engine, hot: HotState) -> None:
    stack = [entry(i, path=f"0.{i}", seq=i + 1, ended=i + 0.5) for i in range(2000)]
    told = S.told(0, *stack, changed=3000)
    in_redis(hot, told)
    in_sql(engine, told)
    found = MirrorReader(engine, hot).find(S.tenant, S.id)
    assert found is not None
    assert found.source == "redis"
    assert found.execution == told.execution
