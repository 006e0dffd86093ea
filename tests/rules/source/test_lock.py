"""The lock in Redis: one instance at a time reads a change, and nobody is ever locked out by it."""

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from redis import Redis
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from dev.databases import RedisServer
from dev.processes import wait_until
from dev.stack import ROOT
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.lock import RedisLock, refresh_lock
from rules.source.news import Command, RuleNews
from rules.source.polling import Polling
from rules.source.repository import ChainRepository
from rules.source.service import RuleSource
from tests.activities.mirror.stores import Stores
from tests.rules.source.polled import LIMIT, ORDER, New, away, back, polled, text

on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)
on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)

HOLDER = """
import sys
from rules.source.lock import RedisLock

with RedisLock(sys.argv[1], "shop", seconds=2).held() as mine:
    print("mine" if mine else "taken", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def redis(stores: Stores) -> Iterator[RedisServer]:
    """The session's, empty."""
    with Redis.from_url(stores.redis.url) as keys:
        keys.flushall()
        keys.config_resetstat()
        yield stores.redis
        keys.flushall()


@pytest.fixture
def lock(redis: RedisServer) -> Iterator[RedisLock]:
    """One instance's."""
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
        with capture_logs() as logs, polled(new(lock)) as source:
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
    with polled(new(lock)) as source, Redis.from_url(redis.url) as keys:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        # Somebody who took it and died.
        keys.set(lock.key, "somebody", px=2_000)
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        assert text(source) == "THEN(a);"
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
        assert not keys.exists(lock.key)


@on_mariadb
def test_a_killed_holders_lock_is_taken_over(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer
) -> None:
    repository.save(ORDER)
    with ExitStack() as stack:
        holder = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, redis.url],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "mine\n"
        source = stack.enter_context(polled(new(lock)))
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        holder.kill()
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "somebody else to take over")


@on_mariadb
def test_instances_that_share_a_lock_see_every_change_and_read_one_at_a_time(
    repository: ChainRepository,
    url: str,
    components: Mapping[str, ComponentPolicy],
    redis: RedisServer,
) -> None:
    repository.save(ORDER)
    reading: list[tuple[str, object]] = []
    with ExitStack() as stack:
        keys = stack.enter_context(Redis.from_url(redis.url))
        sources = []
        for name in ("one", "other"):
            engine = create_engine_for(url, name)
            stack.callback(engine.dispose)
            lock = RedisLock(redis.url, "shop")
            source = RuleSource(engine, "dms-liteflow", "default", components, lock=lock)
            note_holders(engine, name, keys, lock.key, reading)
            sources.append(stack.enter_context(polled(source)))
        for source in sources:
            wait_until(partial(serves, source, ORDER.text), LIMIT, "the first reading")
        reading.clear()
        for name in ("b", "c", "d"):
            changed = f"THEN({name});"
            repository.save(dataclasses.replace(ORDER, text=changed))
            for source in sources:
                wait_until(partial(serves, source, changed), LIMIT, f"change {name}")
    assert {name for name, _ in reading} == {"one", "other"}
    holders: dict[object, set[str]] = {}
    for name, token in reading:
        assert token is not None, "it read without the lock"
        holders.setdefault(token, set()).add(name)
    assert all(len(names) == 1 for names in holders.values()), "it read under the other's lock"


SELDOM = Polling(every=3600, start=3600)


@on_mariadb
@pytest.mark.parametrize("command", ["poll", "refresh"])
def test_instances_that_are_told_to_read_do_so_one_at_a_time(
    repository: ChainRepository,
    url: str,
    components: Mapping[str, ComponentPolicy],
    redis: RedisServer,
    command: Command,
) -> None:
    repository.save(ORDER)
    reading: list[tuple[str, object]] = []
    with ExitStack() as stack:
        keys = stack.enter_context(Redis.from_url(redis.url))
        sources, news = [], []
        for name in ("one", "two", "three"):
            engine = create_engine_for(url, name)
            stack.callback(engine.dispose)
            lock = RedisLock(redis.url, "shop")
            source = RuleSource(engine, "dms-liteflow", "default", components, lock=lock)
            assert source.refresh()
            note_holders(engine, name, keys, lock.key, reading)
            sources.append(stack.enter_context(polled(source, SELDOM)))
            news.append(RuleNews(source, "dms-liteflow", "worker", SELDOM, redis.url))
            news[-1].start()
            stack.callback(news[-1].stop, LIMIT)
        wait_until(lambda: len(news[0].all().done) == 3, LIMIT, "all on the board")
        wait_until(lambda: len({name for name, _ in reading}) == 3, LIMIT, "the first readings")
        reading.clear()
        for name in ("b", "c", "d"):
            repository.save(dataclasses.replace(ORDER, text=f"THEN({name});"))
            answer = news[0].ask(command, within=LIMIT)
            assert not answer.missing
            assert {text(source) for source in sources} == {f"THEN({name});"}
    holders: dict[object, set[str]] = {}
    for name, token in reading:
        assert token is not None, "it read without the lock"
        holders.setdefault(token, set()).add(name)
    assert {next(iter(names)) for names in holders.values()} == {"one", "two", "three"}
    assert all(len(names) == 1 for names in holders.values()), "it read under the other's lock"


@on_sqlite
def test_who_is_told_to_read_waits_for_its_turn(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer
) -> None:
    repository.save(ORDER)
    source = new(lock)
    assert source.refresh()
    repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
    with Redis.from_url(redis.url) as keys:
        keys.set(lock.key, "somebody", px=500)
        assert source.read_in_turn(within=LIMIT)
        assert text(source) == "THEN(b);"
        assert not keys.exists(lock.key)


@on_sqlite
@pytest.mark.parametrize("everything", [False, True])
def test_what_was_not_read_in_time_the_poller_reads_after_the_others(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer, everything: bool
) -> None:
    repository.save(ORDER)
    with polled(new(lock), SELDOM) as source, Redis.from_url(redis.url) as keys:
        wait_until(lambda: source.status.refreshed_at, LIMIT, "the first reading")
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        keys.set(lock.key, "somebody", px=60_000)
        assert not source.read_in_turn(everything=everything, within=0.2)
        assert text(source) == "THEN(a);"
        keys.delete(lock.key)
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
        wait_until(lambda: not source.turns.owed, LIMIT, "nothing to be left over")
        last = source.status.last
        assert last is not None
        assert last.everything is everything


@on_sqlite
def test_who_misses_a_chain_waits_for_its_turn_but_not_for_long(
    repository: ChainRepository, impatient: Engine, lock: RedisLock, redis: RedisServer
) -> None:
    times = iter(range(0, 10_000, 10))
    components = {id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b")}
    source = RuleSource(
        impatient,
        "dms-liteflow",
        "default",
        components,
        lock=lock,
        clock=lambda: float(next(times)),
    )
    assert source.refresh()
    repository.save(ORDER)
    with Redis.from_url(redis.url) as keys:
        keys.set(lock.key, "somebody", px=60_000)
        assert not source.look_again()
        assert source.turns.owed
        assert not source.snapshot.chains("1")
        keys.set(lock.key, "somebody", px=300)
        assert source.look_again()
        assert text(source) == ORDER.text


@on_sqlite
@pytest.mark.usefixtures("store")
def test_who_stops_waits_no_longer(lock: RedisLock, redis: RedisServer) -> None:
    with Redis.from_url(redis.url) as keys, ThreadPoolExecutor(1) as pool:
        keys.set(lock.key, "somebody")
        waiting = pool.submit(waits, lock)
        wait_until(lambda: keys.info("commandstats")["cmdstat_set"]["calls"] > 2, LIMIT, "it asks")
        lock.close()
        assert waiting.result(LIMIT) is False
        assert waits(lock) is False


def waits(lock: RedisLock) -> bool:
    with lock.held(LIMIT) as mine:
        return mine


def serves(source: RuleSource, wanted: str) -> bool:
    return source.status.refreshed_at is not None and text(source) == wanted


def note_holders(
    engine: Engine, name: str, keys: "Redis", key: str, reading: list[tuple[str, object]]
) -> None:
    """Notes, at each reading of changed rows, whose lock there is."""

    def note(*given: object) -> None:
        if "rule_change" in str(given[2]) or "FROM flow_chain" in str(given[2]):
            reading.append((name, keys.get(key)))

    event.listen(engine, "before_cursor_execute", note)


@on_sqlite
def test_idle_polls_need_no_lock(
    repository: ChainRepository, new: New, lock: RedisLock, redis: RedisServer
) -> None:
    repository.save(ORDER)
    with polled(new(lock)) as source, Redis.from_url(redis.url) as keys:
        wait_until(lambda: source.status.tally.looks > 5, LIMIT, "some polls")
        assert "cmdstat_set" not in keys.info("commandstats")
        repository.save(dataclasses.replace(ORDER, text="THEN(b);"))
        wait_until(lambda: text(source) == "THEN(b);", LIMIT, "the change")
        assert keys.info("commandstats")["cmdstat_set"]["calls"] == 1
