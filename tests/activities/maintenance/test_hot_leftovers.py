"""What the clean-up takes from a real Redis: what would stay and belongs to nothing open."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
import redis
from temporalio.client import Client

from activities.maintenance.clean import clean_hot_state
from activities.mirror.batch import Batch
from activities.mirror.hot import HotState, key_of
from rules.execution import Status
from tests.activities.mirror.sagas import Saga
from tests.activities.mirror.stores import Stores

OPEN_FOR, CLOSED_FOR = timedelta(days=7), timedelta(hours=1)
WEEK = int(OPEN_FOR.total_seconds())
FOREVER = -1

# Seconds to live -> whether it goes when its saga is over.
LIVES = [
    (FOREVER, True),
    (60, False),
    (3_600, False),
    (3_700, True),
    (WEEK - 700, True),
    (WEEK - 500, False),
    (WEEK, False),
    # Written while the setting was a longer one.
    (2 * WEEK, True),
]


@pytest.fixture
def server(stores: Stores) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(stores.redis.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def hot(stores: Stores) -> Iterator[HotState]:
    hot = HotState(stores.redis.url, open_for=OPEN_FOR, closed_for=CLOSED_FOR)
    yield hot
    hot.close()


def put(server: "redis.Redis", hot: HotState, saga: Saga, seconds: int) -> str:
    hot.write(Batch([saga.told(0, status=Status.RUNNING)]))
    key = key_of(saga.tenant, saga.id)
    if seconds == FOREVER:
        server.persist(key)
    else:
        server.expire(key, seconds)
    return key


async def test_by_life_where_nothing_runs(
    client: Client, server: "redis.Redis", hot: HotState
) -> None:
    keys = {put(server, hot, Saga(f"s{life}"), life): goes for life, goes in LIVES}
    server.set("another:product", "1")
    done = await clean_hot_state(client, hot, 0)
    assert {key: not server.exists(key) for key in keys} == keys
    assert (done.looked_at, done.deleted, done.expiring, done.cursor) == (len(LIVES), 4, 0, 0)
    assert server.exists("another:product")


async def test_what_runs_stays_and_gets_its_expiry_back(
    client: Client, server: "redis.Redis", hot: HotState
) -> None:
    sagas = {life: Saga(uuid4().hex, tenant="acme") for life, _ in LIVES}
    runs = [
        await client.start_workflow("any", id=f"acme:{saga.id}", task_queue="nobody-hot")
        for saga in sagas.values()
    ]
    while (await client.count_workflows("TaskQueue = 'nobody-hot'")).count < len(runs):
        pass
    keys = {life: put(server, hot, saga, life) for life, saga in sagas.items()}
    done = await clean_hot_state(client, hot, 0)
    assert (done.deleted, done.expiring) == (0, 1)
    assert all(server.exists(key) for key in keys.values())
    assert 0 < int(str(server.ttl(keys[FOREVER]))) <= WEEK
    for run in runs:
        await run.terminate()


async def test_a_key_of_another_type_goes_too(
    client: Client, server: "redis.Redis", hot: HotState
) -> None:
    server.set(key_of("acme", "odd"), "text")
    assert (await clean_hot_state(client, hot, 0)).deleted == 1
    assert not server.exists(key_of("acme", "odd"))


async def test_many(client: Client, server: "redis.Redis", hot: HotState) -> None:
    for number in range(1_200):
        server.hset(key_of("acme", f"{number}"), "closed", "0")
    done = await clean_hot_state(client, hot, 0)
    assert done.deleted == 1_200
    assert not server.keys("chainsaga:hot:*")
