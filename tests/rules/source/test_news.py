"""What instances tell each other through Redis, and who has really done what was asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs

from dev.processes import wait_until
from migrations.run import upgrade
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.instances import MOST_HELD
from rules.source.news import RuleNews
from rules.source.polling import Polling
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from tests.activities.mirror.stores import Stores
from tests.rules.source.polled import LIMIT, New, away, back

on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)


ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")


@contextmanager
def listening(source: RuleSource, url: str) -> Iterator[RuleNews]:
    """An instance that hears others."""
    news = RuleNews(source, "dms-liteflow", "worker", Polling(), url)
    news.start()
    try:
        yield news
    finally:
        news.stop(LIMIT)


@pytest.fixture
def near(components: Mapping[str, ComponentPolicy], tmp_path: Path) -> Iterator[RuleSource]:
    """An instance whose database is never away."""
    engine = create_engine_for(f"sqlite:///{tmp_path}/near.db", "tests")
    upgrade(engine)
    yield RuleSource(engine, "dms-liteflow", "default", components)
    engine.dispose()


@on_mariadb
@pytest.mark.parametrize("how", ["suspended", "killed"])
def test_who_cannot_read_has_not_done_it(
    near: RuleSource, new: New, stores: Stores, how: str
) -> None:
    url = stores.redis.url
    with listening(near, url) as asking, listening(new(), url) as asked:
        wait_until(lambda: len(asking.all().done) == 2, LIMIT, "both on the board")
        away(stores.mariadb, how)
        try:
            answer = asking.ask("refresh", within=8)
            assert [one.name for one in answer.done] == [asking.name]
            assert [one.name for one in answer.missing] == [asked.name]
            assert not asking.ask("clear", within=LIMIT).missing
        finally:
            back(stores.mariadb, how)
        wait_until(lambda: not asking.ask("refresh", within=8).missing, LIMIT, "it reads again")


@on_mariadb
def test_who_cannot_read_itself_says_so_at_once(new: New, stores: Stores) -> None:
    source = new()
    with listening(source, stores.redis.url) as news:
        wait_until(lambda: len(news.all().done) == 1, LIMIT, "it is on the board")
        away(stores.mariadb, "killed")
        try:
            answer = news.ask("refresh", within=LIMIT)
        finally:
            back(stores.mariadb, "killed")
        assert [one.name for one in answer.missing] == [news.name]


@on_mariadb
def test_what_others_hold_back_is_asked_for_by_tenant(
    new: New, stores: Stores, repository: ChainRepository, near: RuleSource
) -> None:
    many = [replace(ORDER, name=f"c{number}") for number in range(MOST_HELD + 1)]
    for row in (*many, replace(ORDER, tenant="2")):
        repository.save(row if row.tenant == "2" else replace(row, text="THEN("))
    source = new()
    url = stores.redis.url
    with (
        listening(near, url) as asking,
        listening(source, url) as asked,
        Redis.from_url(url) as keys,
    ):
        with capture_logs():
            assert source.refresh()
            while source.try_some(10):
                pass
        assert not asked.ask("clear", within=LIMIT).missing

        def known() -> list[int]:
            return [one.quarantine_size for one in asking.all().done if one.name == asked.name]

        wait_until(lambda: known() == [len(many)], LIMIT, "its counts on the board")
        board = keys.get(f"chainsaga:rules:dms-liteflow:instance:{asked.name}")
        assert isinstance(board, bytes)
        assert b"THEN(" not in board
        for tenant, size in (("1", len(many)), ("2", 0)):
            told = asking.quarantines(tenant, asking.all().done, within=LIMIT)
            assert told[asking.name].held == ()
            assert told[asked.name].size == size
            assert len(told[asked.name].held) == min(size, MOST_HELD)
            assert {held.tenant for held in told[asked.name].held} <= {tenant}


@on_mariadb
def test_who_does_not_say_what_it_holds_back_is_left_out(
    new: New, stores: Stores, repository: ChainRepository, near: RuleSource
) -> None:
    repository.save(replace(ORDER, text="THEN("))
    source, url = new(), stores.redis.url
    with listening(near, url) as asking, listening(source, url) as asked:
        with capture_logs():
            assert source.refresh()
            assert not source.try_some(10)
        assert not asked.ask("clear", within=LIMIT).missing
        every = [one.model_copy(update={"quarantine_size": 1}) for one in asking.all().done]
        gone = every[0].model_copy(update={"name": "gone"})
        told = asking.quarantines("1", [*every, gone], within=0.5)
        assert told.keys() == {asking.name, asked.name}
        away(stores.redis, "killed")
        try:
            with capture_logs() as logs:
                told = asking.quarantines("1", every)
        finally:
            back(stores.redis, "killed")
        assert told.keys() == {asking.name}
        assert "quarantine_not_told" in {line["event"] for line in logs}
