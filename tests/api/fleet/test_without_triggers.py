"""A fleet whose database lets nobody make triggers: edits are seen by their times, everywhere."""

from collections.abc import AsyncIterator
from functools import partial

import pytest_asyncio
from sqlalchemy import ColumnElement, delete, select, update
from temporalio.client import Client

from rules.source.tables import flow_chain, rule_revision
from tests.api.config.author import Author, refused
from tests.api.fleet.first_words import FirstWords
from tests.api.fleet.fleet import LIVE_LIMIT, Fleet
from tests.api.waiting import until

ONE, TWO, THREE = (f"THEN({', '.join(['gate'] * number)});" for number in (1, 2, 3))


@pytest_asyncio.fixture(scope="module")
async def fleet(begun: tuple[Fleet, FirstWords]) -> AsyncIterator[Fleet]:
    """All four, on a database as it is where who migrated might make no triggers."""
    fleet, _ = begun
    with fleet.engine.begin() as connection:
        names = [row[0] for row in connection.exec_driver_sql("SHOW TRIGGERS").all()]
        made = [connection.exec_driver_sql(f"SHOW CREATE TRIGGER {n}").one()[2] for n in names]
        revision = connection.execute(select(rule_revision.c.revision)).scalar_one()
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(update(rule_revision).values(revision=0))
    ann = fleet.author("1")
    await ann.done("POST", "refresh", wait_seconds=20)
    yield fleet
    with fleet.engine.begin() as connection:
        for statement in made:
            # A percent sign in a statement is one.
            connection.exec_driver_sql(statement.replace("%", "%%"))
        connection.execute(update(rule_revision).values(revision=revision + 1))
    # That there are triggers again is noticed by itself.
    await fleet.agreed()


def of(tenant: str) -> ColumnElement[bool]:
    return flow_chain.c.tenant_id == tenant


async def serves(author: Author, steps: str) -> bool:
    return await author.steps("sell") == steps


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
    await fleet.same(tenant)
    views = await fleet.on_both_workers(temporal, tenant, "sell", {})
    assert {view["rule_version"] for view in views} == {2}
    with fleet.engine.begin() as connection:
        connection.execute(update(flow_chain).where(of(tenant)).values(chain_code=THREE))
    for author in (ann, bob):
        await until(partial(serves, author, "gate==>gate==>gate"), LIVE_LIMIT, "a poll", 0.1)
    await fleet.same(tenant)
    views = await fleet.on_both_workers(temporal, tenant, "sell", {})
    assert {view["rule_version"] for view in views} == {3}, "by SQL too it is a version"
    found = fleet.living(await fleet.statuses(tenant))
    assert {one["seen_by"] for one in found} == {"update_time"}
    assert {one["behind"] for one in found} == {None}


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
        connection.execute(delete(flow_chain).where(of(tenant)))
    await ann.done("POST", "refresh", wait_seconds=20)
    assert await serves(ann, "CHAIN_UNKNOWN")
    assert await serves(bob, "CHAIN_UNKNOWN")
