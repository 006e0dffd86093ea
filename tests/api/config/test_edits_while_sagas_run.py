"""Authors edit two tenants' chains by API and SQL while sagas run: each runs just one version."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select, update

from dev.databases import RedisServer, redis_server
from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.tables import config_version, flow_chain
from tests.activities.mirror.stores import session_stores
from tests.api.config.author import BAD
from tests.api.config.cluster import Cluster, open_cluster
from tests.api.sites import BOOK, Place, environment_of, new_place
from tests.api.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

EDITS = 200
AT_ONCE = 4
SAGA_LIMIT = 60.0


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
        with environment_of(place):
            yield place


@pytest.fixture(scope="module")
async def cluster(place: Place, redis: RedisServer) -> AsyncIterator[Cluster]:
    async with open_cluster(place, redis) as cluster:
        yield cluster


def text(mark: str) -> str:
    """A chain that tells by every step which text it is."""
    return (
        f'THEN(createOrder, notify.tag("{mark}"), WHEN(notify.tag("{mark}"), pay.tag("{mark}")));'
    )


@dataclass
class Editing:
    """Edits of two tenants' chain `flow`; `by_sql` has the marks of versions that SQL has made."""

    cluster: Cluster
    engine: Engine
    tenants: tuple[str, str]
    random: Random
    by_sql: dict[tuple[str, int], str] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    async def edit(self, number: int) -> None:
        """One edit of any kind; refusals of bad ones are expected."""
        tenant = self.random.choice(self.tenants)
        author = self.cluster.author(tenant, second=bool(number % 2))
        read = await author.get("chains/flow")
        kind = self.random.choice(
            ("good", "good", "draft", "publish", "bad", "rollback", "switch", "sql", "bad sql")
        )
        self.done[kind] += 1
        version, path = {"version": read["version"]}, "chains/flow"
        match kind:
            case "good" | "draft":
                body = {**version, "el": text(f"m{number}"), "publish": kind == "good"}
                await author.done("PUT", path, body)
            case "publish":
                answer = await author.send("POST", f"{path}/publish", version)
                # What SQL has broken cannot be published.
                assert answer.status_code in (200, 422), answer.text
            case "bad":
                answer = await author.send("PUT", path, {**version, "el": f"{BAD} // {number}"})
                assert answer.status_code == 422, answer.text
            case "rollback":
                # Made here, so it is good: those by SQL may not be.
                good = [n for n, change in await author.changes("flow") if change != "FOUND"]
                target = self.random.choice(good)
                answer = await author.send("POST", f"{path}/rollback", {"version": target})
                assert answer.status_code in (200, 422), answer.text
            case "switch":
                await author.done("POST", f"{path}/disable")
                answer = await author.send("POST", f"{path}/enable")
                if answer.status_code == 422:
                    now = (await author.get(path))["version"]
                    body = {"version": now, "el": text(f"m{number}"), "publish": True}
                    await author.done("PUT", path, body)
                    await author.done("POST", f"{path}/enable")
            case _:
                mark = f"m{number}"
                await asyncio.to_thread(self._by_sql, tenant, mark, good=kind == "sql")
                await author.done("POST", "refresh")

    def _by_sql(self, tenant: str, mark: str, *, good: bool) -> None:
        mine = (flow_chain.c.tenant_id == tenant) & (flow_chain.c.chain_name == "flow")
        kept = select(func.max(config_version.c.version)).where(
            config_version.c.tenant_id == tenant, config_version.c.chain_name == "flow"
        )
        with self.engine.begin() as connection:
            row = select(flow_chain.c.version).where(mine).with_for_update()
            number = connection.execute(row).scalar_one()
            newest = max(number, connection.execute(kept).scalar_one())
            values = {"chain_code": text(mark) if good else BAD, "version": newest + 1}
            connection.execute(update(flow_chain).where(mine).values(**values))
        self.by_sql[tenant, newest + 1] = mark if good else ""


async def start_sagas(cluster: Cluster, tenants: tuple[str, str], over: asyncio.Event) -> list[str]:
    """Start one saga after the other, until it is over; gives those that ran."""
    ran = []
    while not over.is_set():
        for tenant, api in zip(tenants, (cluster.first, cluster.second), strict=True):
            id = f"s-{uuid4().hex[:12]}"
            answer = await api.execute("flow", BOOK, tenant, execution_id=id, mode="async")
            if answer.status_code == 409:
                assert answer.json()["code"] == "CHAIN_DISABLED"
                continue
            assert answer.status_code == 202, answer.text
            ran.append(f"{tenant}:{id}")
    return ran


async def test_no_saga_suffers_and_each_ran_one_version(cluster: Cluster) -> None:
    engine = create_engine_for(cluster.place.settings.database_url, "tests")
    tenants = (f"t-{uuid4().hex[:8]}", f"t-{uuid4().hex[:8]}")
    for tenant in tenants:
        await cluster.author(tenant).create("flow", text("m"))
    await cluster.all_serve_the_same()
    editing, over = Editing(cluster, engine, tenants, Random(6)), asyncio.Event()
    starting = [asyncio.create_task(start_sagas(cluster, tenants, over)) for _ in range(AT_ONCE)]
    try:
        for number in range(EDITS):
            await editing.edit(number)
    finally:
        over.set()
    sagas = [saga for ran in await asyncio.gather(*starting) for saga in ran]
    assert len(sagas) > EDITS / 2
    assert min(editing.done.values()) > 0
    known: dict[tuple[str, int], str] = dict(editing.by_sql)
    seen = set()
    for saga in sagas:
        tenant, id = saga.split(":")
        view = await ended(cluster, tenant, id)
        assert view["status"] == "COMPLETED", view["error"]
        (mark,) = {entry["tag"] for entry in view["executionStack"] if entry["tag"]}
        version = tenant, view["rule_version"]
        if version not in known:
            found = await cluster.author(tenant).get(f"chains/flow/versions/{version[1]}")
            known[version] = found["el"].split('"')[1]
        assert mark == known[version], "what its record names is what it ran"
        seen.add(version)
    assert len(seen) > 10
    engine.dispose()


async def ended(cluster: Cluster, tenant: str, id: str) -> Any:
    async def look() -> Any:
        view = await cluster.first.view(id, tenant)
        return view if view["ended_at"] else None

    return await until(look, SAGA_LIMIT, f"the end of {id}", 0.1)
