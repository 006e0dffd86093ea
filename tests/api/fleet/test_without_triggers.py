"""A fleet whose database lets nobody make triggers: edits are seen by their times, everywhere."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import delete, make_url, update
from structlog.testing import capture_logs
from temporalio.client import Client

from dev.databases import RedisServer, redis_server
from migrations.run import upgrade
from rules.source.tables import flow_chain
from tests.activities.mirror.stores import Stores
from tests.api.config.author import Author, refused
from tests.api.fleet.fleet import COMMANDS, LIVE_LIMIT, Fleet, open_fleet
from tests.api.sites import Place
from tests.api.waiting import until

RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX"
ONE, TWO, THREE = (f"THEN({', '.join(['gate'] * number)});" for number in (1, 2, 3))
MINE = flow_chain.c.chain_name == "sell"


@contextmanager
def poor(stores: Stores, url: str) -> Iterator[str]:
    """The database as somebody sees it who may make no triggers."""
    given = make_url(url)
    name = f"p{uuid4().hex[:8]}"
    stores.mariadb.execute(f"CREATE USER {name}@'%' IDENTIFIED BY '{name}'")
    stores.mariadb.execute(f"GRANT {RIGHTS} ON `{given.database}`.* TO {name}@'%'")
    try:
        poor = given.set(username=name, password=name)
        yield poor.render_as_string(hide_password=False)
    finally:
        stores.mariadb.execute(f"DROP USER {name}@'%'")


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest_asyncio.fixture(scope="module")
async def fleet(
    place: Place, stores: Stores, own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    home = tmp_path_factory.mktemp("poor")
    with stores.empty("mariadb", home) as url, poor(stores, url) as as_poor:
        with capture_logs():
            upgrade(as_poor)
        stands = {"database_url": as_poor, "task_queue": f"poor-{uuid4().hex}"}
        settings = place.settings.model_copy(update=stands)
        mine = replace(place, home=home, settings=settings)
        async with open_fleet(mine, stores.mariadb, own_redis, rights=RIGHTS) as fleet:
            for part in fleet.parts:
                fleet.launch(part)
            await fleet.answering()
            yield fleet


async def serves(author: Author, steps: str) -> bool:
    return await author.steps("sell") == steps


async def told(fleet: Fleet, tenant: str) -> bool:
    """Whether all four serve the same."""
    found = (await fleet.statuses(tenant))[0]
    return found["same"] and len(found["instances"]) == len(COMMANDS)


async def test_edits_by_api_and_by_sql_are_seen_by_all(
    fleet: Fleet, temporal: Client, tenant: str
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell", ONE)
    await until(partial(serves, bob, "gate"), LIVE_LIMIT, "the other API")
    await bob.edit("sell", el=TWO, publish=True)
    await until(partial(serves, ann, "gate==>gate"), LIVE_LIMIT, "the first API")
    stale = await ann.send("PUT", "chains/sell", {"version": 1, "el": ONE})
    assert refused(stale) == (409, "CONFIG_STALE")
    views = await fleet.on_both_workers(temporal, tenant, "sell", {})
    assert {view["rule_version"] for view in views} == {2}
    with fleet.engine.begin() as connection:
        connection.execute(update(flow_chain).where(MINE).values(chain_code=THREE))
    for author in (ann, bob):
        await until(partial(serves, author, "gate==>gate==>gate"), LIVE_LIMIT, "a poll", 0.1)
    await until(partial(told, fleet, tenant), LIVE_LIMIT, "the workers' polls", 0.1)
    views = await fleet.on_both_workers(temporal, tenant, "sell", {})
    assert {view["rule_version"] for view in views} == {3}, "by SQL too it is a version"
    for status in await fleet.statuses(tenant):
        assert {one["seen_by"] for one in status["instances"]} == {"update_time"}
        assert {one["behind"] for one in status["instances"]} == {None}


async def test_a_deletion_by_api_is_live_and_one_by_sql_is_seen_by_a_refresh(
    fleet: Fleet, tenant: str
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell", ONE)
    await until(partial(serves, bob, "gate"), LIVE_LIMIT, "the other API")
    await bob.done("DELETE", "chains/sell", version=1)
    await until(partial(serves, ann, "CHAIN_UNKNOWN"), LIVE_LIMIT, "the first API")
    await ann.create("sell", ONE)
    await until(partial(serves, bob, "gate"), LIVE_LIMIT, "the other API")
    with fleet.engine.begin() as connection:
        connection.execute(delete(flow_chain).where(MINE, flow_chain.c.tenant_id == tenant))
    await ann.done("POST", "refresh", wait_seconds=20)
    assert await serves(ann, "CHAIN_UNKNOWN")
    assert await serves(bob, "CHAIN_UNKNOWN")
