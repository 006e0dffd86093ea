"""What instances tell each other through Redis, and who has really done what was asked for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.processes import wait_until
from migrations.run import upgrade
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.news import RuleNews
from rules.source.polling import Polling
from rules.source.service import RuleSource
from tests.activities.mirror.stores import Stores
from tests.rules.source.polled import LIMIT, New, away, back

on_mariadb = pytest.mark.parametrize("store", ["mariadb"], indirect=True)


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
