"""The thread that polls, its lock in Redis, and what it does while databases are away."""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic

import pytest
from redis import Redis
from sqlalchemy import Engine
from structlog.testing import capture_logs

from dev.databases import DatabaseServer, RedisServer
from dev.processes import wait_until
from rules.errors import RulesUnavailable
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.lock import RedisLock, RefreshLock, refresh_lock
from rules.source.poller import Poller
from rules.source.polling import Polling
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from tests.activities.mirror.stores import Stores

Components = Mapping[str, ComponentPolicy]
LIMIT = 60.0
OFTEN = Polling(every=0.05, start=0)
ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")
on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

New = Callable[[], RuleSource]


@pytest.fixture
def impatient(url: str) -> Iterator[Engine]:
    """Nobody waits long for a server that hangs."""
    engine = create_engine_for(url, "tests", answer_within=0.5)
    yield engine
    engine.dispose()


@pytest.fixture
def new(impatient: Engine, components: Components) -> New:
    return lambda: RuleSource(impatient, "dms-liteflow", "default", components)


@contextmanager
def polled(
    source: RuleSource, polling: Polling = OFTEN, lock: RefreshLock | None = None
) -> Iterator[RuleSource]:
    poller = Poller(source, polling, lock)
    poller.start()
    try:
        yield source
    finally:
        poller.stop(LIMIT)


def text(source: RuleSource) -> str:
    return source.snapshot.chains("1")["order"].text


def test_it_reads_at_once_sees_changes_and_ends(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    before = threading.active_count()
    with polled(new()) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
    assert threading.active_count() == before


@on_sqlite
def test_without_polling_the_first_reading_is_all(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    with polled(new(), Polling(enabled=False, every=0.01, start=0)) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        wait_until(lambda: not source.status.untried, LIMIT, "all chains to be tried")
        assert source.status.tally.looks == 1
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        assert source.poll()
        assert text(source) == "THEN(b);"


@on_sqlite
def test_polling_begins_after_its_delay(repository: ChainRepository, new: New) -> None:
    repository.save(ORDER)
    with polled(new(), Polling(every=0.01, start=3600)) as source:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        wait_until(lambda: not source.status.untried, LIMIT, "all chains to be tried")
        assert source.status.tally.looks == 1


@on_sqlite
def test_chains_that_nobody_asked_for_are_tried(repository: ChainRepository, new: New) -> None:
    for tenant in ("1", "2", "3"):
        repository.save(dataclasses.replace(ORDER, tenant=tenant, text="THEN(nowhere);"))
    with capture_logs(), polled(new()) as source:
        wait_until(lambda: len(source.status.quarantined) == 3, LIMIT, "the quarantine")


@on_mariadb
@pytest.mark.parametrize("how", ["suspended", "killed"])
def test_down_at_the_start_down_later_and_back(
    stores: Stores, repository: ChainRepository, new: New, how: str
) -> None:
    server = stores.mariadb
    repository.save(ORDER)
    with capture_logs() as logs:
        away(server, how)
        try:
            started = polled(new())
            source = started.__enter__()
            wait_until(lambda: source.status.degraded, LIMIT, "the outage to be seen")
            with pytest.raises(RulesUnavailable):
                _ = source.snapshot
        finally:
            back(server, how)
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the rules")
        assert source.status.degraded is None
        away(server, how)
        try:
            wait_until(lambda: source.status.degraded, LIMIT, "the second outage to be seen")
            begun = monotonic()
            assert source.snapshot.compiled("1", "order").plan.chain == "order"
            # In memory, whatever the database does; slow machines have their share.
            assert monotonic() - begun < 5
        finally:
            back(server, how)
        repository.save(dataclasses.replace(ORDER, text="THEN(c);"))
        wait_until(lambda: text(source) == "THEN(c);", LIMIT, "the change after the outage")
        assert source.status.degraded is None
        started.__exit__(None, None, None)
    told = {(line["log_level"], line["event"]) for line in logs}
    assert {("error", "rules_not_read"), ("info", "rules_read_again")} <= told
    assert source.status.tally.failures >= 2


def away(server: DatabaseServer | RedisServer, how: str) -> None:
    (server.suspend if how == "suspended" else server.kill)()


def back(server: DatabaseServer | RedisServer, how: str) -> None:
    (server.resume if how == "suspended" else server.start)()


@pytest.fixture
def redis(stores: Stores) -> Iterator[RedisServer]:
    yield stores.redis
    with Redis.from_url(stores.redis.url) as keys:
        keys.flushall()


@pytest.fixture
def lock(redis: RedisServer) -> Iterator[RedisLock]:
    lock = RedisLock(redis.url, "shop")
    yield lock
    lock.close()


@on_sqlite
@pytest.mark.usefixtures("store")
def test_one_at_a_time(lock: RedisLock, redis: RedisServer) -> None:
    other = refresh_lock(redis.url, "shop")
    assert other is not None
    assert refresh_lock(None, "shop") is None
    with lock.held() as mine, other.held() as theirs:
        assert (mine, theirs) == (True, False)
    with other.held() as theirs, lock.held() as mine:
        assert (mine, theirs) == (False, True)
    with Redis.from_url(redis.url) as keys:
        assert not keys.keys("*")
    other.close()


@on_sqlite
@pytest.mark.usefixtures("store")
def test_a_dead_holders_lock_ends_and_a_late_one_takes_none_away(redis: RedisServer) -> None:
    dead, heir = (RedisLock(redis.url, "shop", seconds=0.3) for _ in range(2))
    with dead.held() as first:
        assert first

        def inherited() -> bool:
            with heir.held() as mine:
                return mine

        wait_until(inherited, LIMIT, "the lock to end")
        long = RedisLock(redis.url, "shop")
        entered = long.held()
        assert entered.__enter__()
    with heir.held() as mine:
        assert not mine, "the late holder gave back a lock that was not its own any more"
    entered.__exit__(None, None, None)


@on_sqlite
@pytest.mark.parametrize("how", ["suspended", "killed"])
def test_without_an_answer_everybody_may(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer, how: str
) -> None:
    repository.save(ORDER)
    away(redis, how)
    try:
        with capture_logs() as logs, polled(new(), lock=lock) as source:
            wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
            repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
            wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
        assert "refresh_not_locked" in {line["event"] for line in logs}
    finally:
        back(redis, how)


@on_sqlite
def test_who_finds_the_lock_taken_takes_over_when_it_ends(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer
) -> None:
    repository.save(ORDER)
    with polled(new(), lock=lock) as source, Redis.from_url(redis.url) as keys:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        # Somebody who took it and died.
        keys.set(lock.key, "somebody", px=2_000)
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        assert text(source) == "THEN(a);"
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
        assert not keys.exists(lock.key)


@on_sqlite
def test_idle_polls_need_no_lock(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer
) -> None:
    repository.save(ORDER)
    with polled(new(), lock=lock) as source, Redis.from_url(redis.url) as keys:
        wait_until(lambda: source.status.tally.looks > 5, LIMIT, "some polls")
        stats = keys.info("commandstats")
        assert "cmdstat_set" not in stats or not keys.exists(lock.key)
