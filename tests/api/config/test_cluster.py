"""Several instances on MariaDB and Redis: who wins, who hears of it, and when Redis is away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import update

from dev.databases import RedisServer, redis_server
from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRow
from rules.source.tables import flow_chain
from tests.activities.mirror.stores import session_stores
from tests.api.config.author import BETTER, GOOD, Author, refused
from tests.api.config.cluster import LIMIT, Cluster, open_cluster
from tests.api.sites import Place, environment_of, load, new_place, open_api
from tests.api.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 5


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def place(
    temporal_server: DevServer,
    redis: RedisServer,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("place")
    first = new_place(home, temporal_server.address)
    stores = session_stores(request.config, tmp_path_factory)
    with stores.migrated("mariadb", home) as url:
        settings = first.settings.model_copy(update={"database_url": url, "redis_url": redis.url})
        place = replace(first, settings=settings)
        load(settings, [ChainRow(tenant="", name="placeOrder", text=GOOD)])
        with environment_of(place):
            yield place


@pytest.fixture(scope="module")
async def cluster(place: Place, redis: RedisServer) -> AsyncIterator[Cluster]:
    async with open_cluster(place, redis) as cluster:
        yield cluster


@pytest.fixture
def ann(cluster: Cluster) -> Author:
    """Somebody at the first API, of a tenant that has no chains."""
    return cluster.author(f"t-{uuid4().hex[:12]}")


@pytest.fixture
def bob(cluster: Cluster, ann: Author) -> Author:
    """Somebody of the same tenant at the second API."""
    return cluster.author(ann.tenant, second=True, name="bob")


def winner(answers: list[httpx2.Response], code: str) -> httpx2.Response:
    """The one that succeeded, where all others lost in the one way."""
    (won,) = [answer for answer in answers if answer.status_code in (200, 201)]
    assert {refused(one) for one in answers if one is not won} == {(409, code)}
    return won


async def test_of_writers_at_once_exactly_one_wins(ann: Author, bob: Author) -> None:
    await ann.create("buy")
    for number in range(1, ROUNDS + 1):
        bodies = [
            {"version": number, "el": GOOD, "description": f"{number} {who}", "publish": True}
            for who in range(4)
        ]
        answers = await asyncio.gather(
            *(
                (ann, bob)[who % 2].send("PUT", "chains/buy", body)
                for who, body in enumerate(bodies)
            )
        )
        won = winner(answers, "CONFIG_STALE").json()
        assert won["version"] == number + 1
        lost = next(answer for answer in answers if answer.status_code == 409).json()["details"]
        assert (lost["version"], lost["changed_by"]) == (number + 1, won["changed_by"])
    assert [version for version, _ in await ann.changes("buy")] == [*range(ROUNDS + 1, 0, -1)]


async def test_of_makers_at_once_exactly_one_wins(ann: Author, bob: Author) -> None:
    for number in range(ROUNDS):
        answers = await asyncio.gather(
            *(
                author.send("POST", "chains", {"name": f"n{number}", "el": el, "publish": True})
                for author, el in ((ann, GOOD), (bob, BETTER))
            )
        )
        won = winner(answers, "ALREADY_EXISTS")
        assert won.status_code == 201
        assert (await ann.get(f"chains/n{number}"))["el"] == won.json()["el"]


async def test_one_key_at_two_instances_is_one_change(ann: Author, bob: Author) -> None:
    await ann.create("buy")
    key = {"Idempotency-Key": "once"}
    change = {"version": 1, "el": BETTER, "publish": True, "operator": "ann"}
    answers = await asyncio.gather(
        *(author.send("PUT", "chains/buy", change, headers=key) for author in (ann, bob) * 2)
    )
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["changed"] for answer in answers) == [False, False, False, True]
    assert await ann.changes("buy") == [(2, "UPDATE"), (1, "CREATE")]


async def test_those_who_break_each_other_do_not_both_win(ann: Author, bob: Author) -> None:
    """One takes away what the other one begins to include."""
    for number in range(ROUNDS):
        part, whole = f"part{number}", f"whole{number}"
        await ann.create(part)
        gone, made = await asyncio.gather(
            ann.send("DELETE", f"chains/{part}", headers={"If-Match": '"1"'}),
            bob.send(
                "POST", "chains", {"name": whole, "el": f"THEN({part}, notify);", "publish": True}
            ),
        )
        if gone.status_code == 200:
            assert refused(made) == (422, "CHAIN_INVALID")
        else:
            assert refused(gone) == (409, "CHAINS_WOULD_BREAK")
            assert made.status_code == 201


async def test_a_change_is_live_everywhere_at_once(
    cluster: Cluster, ann: Author, bob: Author
) -> None:
    made = await ann.create("buy")
    assert made["live"] == {"via": "redis", "within_seconds": 0, "instances": 4}
    await until(partial(served, bob), LIMIT, "the other API to serve it")
    found = await cluster.all_serve_the_same()
    assert sorted(one["role"] for one in found["instances"]) == ["api", "api", "worker", "worker"]
    assert [one["this"] for one in found["instances"]].count(True) == 1
    for one in found["instances"]:
        assert one["seen_by"] == "triggers"
        assert one["revision"] == found["revision"]
        assert (one["degraded"], one["failures"], one["poll_seconds"]) == (False, 0, 60.0)
        assert 0 <= one["lag_seconds"] < LIMIT
        assert one["seconds"] >= 0
        assert one["refreshed_at"]
        assert one["changed_at"]


async def test_a_refresh_reads_everything_on_every_instance(
    cluster: Cluster, ann: Author, bob: Author
) -> None:
    await ann.create("buy")
    before = await cluster.all_serve_the_same()
    mine = (flow_chain.c.tenant_id == ann.tenant) & (flow_chain.c.chain_name == "buy")
    engine = create_engine_for(cluster.place.settings.database_url, "tests")
    with engine.begin() as connection:
        connection.execute(update(flow_chain).where(mine).values(chain_code=BETTER))
    engine.dispose()
    assert await bob.steps("buy") == "createOrder==>pay", "nobody polls within a minute"
    answer = await ann.done("POST", "refresh", wait_seconds=20)
    assert (answer["via"], answer["within_seconds"], answer["problem"]) == ("redis", 0, None)
    assert [one["done"] for one in answer["instances"]] == [True] * 4
    assert await bob.steps("buy") == "createOrder==>pay==>notify"
    after = await cluster.all_serve_the_same(before["revision"])
    assert {one["sha"] for one in after["instances"]}.isdisjoint(
        one["sha"] for one in before["instances"]
    )


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_the_caches_of_all_are_cleared(
    cluster: Cluster, ann: Author, bob: Author, method: str
) -> None:
    await ann.create("buy")
    for author in (ann, bob):
        await until(partial(served, author), LIMIT, "the chain to be served")
    answer = await ann.done(method, "cache", wait_seconds=20)
    assert [one["done"] for one in answer["instances"]] == [True] * 4
    found = await cluster.all_serve_the_same()
    apis = [one for one in found["instances"] if one["role"] == "api"]
    assert [one["compiled"] for one in apis] == [0, 0]
    assert await ann.steps("buy") == "createOrder==>pay"


async def served(author: Author) -> bool:
    return await author.steps("buy") == "createOrder==>pay"


async def test_a_saga_runs_on_what_another_api_has_published(
    cluster: Cluster, ann: Author, bob: Author
) -> None:
    await ann.create("buy")
    await ann.edit("buy", el=BETTER, publish=True)
    await cluster.all_serve_the_same()
    answer = await cluster.second.execute(
        "buy", {"item": "book", "price": 700}, tenant=bob.tenant, wait_seconds=30
    )
    assert (answer.status_code, answer.json()["rule_version"]) == (200, 2)


async def test_an_instance_that_stops_leaves_the_board(cluster: Cluster) -> None:
    async with open_api(cluster.place.settings):

        async def five() -> bool:
            return len((await cluster.author("1").get("status"))["instances"]) == 5

        await until(five, LIMIT, "a fifth instance", 0.1)
    await cluster.all_serve_the_same()


async def test_without_redis_for_a_while_each_sees_for_itself(
    cluster: Cluster, ann: Author, bob: Author
) -> None:
    await ann.create("buy")
    await cluster.all_serve_the_same()
    cluster.redis.kill()
    found: Any = await ann.get("status")
    assert (found["via"], len(found["instances"])) == ("poll", 1)
    assert found["problem"]
    changed = await ann.edit("buy", el=BETTER, publish=True)
    assert changed["live"] == {"via": "poll", "within_seconds": 60.0, "instances": None}
    answer = await ann.done("POST", "refresh")
    assert (answer["via"], answer["within_seconds"]) == ("poll", 60.0)
    assert [one["done"] for one in answer["instances"]] == [True]
    assert answer["problem"]
    cluster.redis.start()
    # Whoever listens again looks for what it has missed.
    await cluster.all_serve_the_same()
    assert await bob.steps("buy") == "createOrder==>pay==>notify"
