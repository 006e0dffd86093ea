"""Two APIs and two workers on one MariaDB and one Redis, as processes: edits by SQL go live on all.

Polls are as often as settings allow, and share a lock.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import Engine
from temporalio.client import Client

from dev.processes import free_port
from dev.temporal_server import HOST, DevServer
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRow
from settings import Settings
from tests.activities.mirror.stores import session_stores
from tests.api.gates import Gate
from tests.api.sites import Api, Place, environment_of, load, process
from tests.api.waiting import until

CHAIN = ChainRow(tenant="1", name="changing", text='THEN(gate.tag("one"));')
START_LIMIT = 60.0
LIVE_LIMIT = 60.0
"""Polls come each ten seconds; slow machines have their share."""
NOW = {"gate": None}


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest,
    temporal_server: DevServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    stores = session_stores(request.config, tmp_path_factory)
    home = tmp_path_factory.mktemp("changes")
    with stores.migrated("mariadb", home) as url:
        settings = Settings(
            database_url=url,
            redis_url=stores.redis.url,
            components="tests.api.gates",  # type: ignore[arg-type] # split by the settings
            task_queue=f"changes-{uuid4().hex}",
        )
        load(settings, [CHAIN], tenants=["1"])
        place = Place(home, settings, temporal_server.address)
        with environment_of(place):
            yield place


@pytest.fixture(scope="module")
def engine(place: Place) -> Iterator[Engine]:
    engine = create_engine_for(place.settings.database_url, "tests")
    yield engine
    engine.dispose()


@dataclass(frozen=True, slots=True)
class Fleet:
    """The processes: what each says by HTTP, the APIs first."""

    apis: Sequence[Api]
    all: Sequence[httpx2.AsyncClient]

    async def numbers(self, metric: str) -> list[float]:
        """A metric of each process; one that has no such line counts as none."""
        found = []
        for http in self.all:
            lines = (await http.get("/metrics")).text.splitlines()
            values = [line.rpartition(" ")[2] for line in lines if line.startswith(metric)]
            found.append(sum(map(float, values)))
        return found

    async def all_say(self, metric: str, value: float) -> None:
        """Wait until each process has this number."""

        async def look() -> bool:
            return set(await self.numbers(metric)) == {value}

        await until(look, LIVE_LIMIT, f"{metric} to be {value} everywhere", pause=0.2)


@pytest.fixture
async def fleet(place: Place) -> Any:
    shared = {
        "CHAINSAGA_REDIS_URL": str(place.settings.redis_url),
        "CHAINSAGA_RULE_LOCK": "true",
        "CHAINSAGA_RULE_REFRESH": "10",
        "CHAINSAGA_RULE_POLLING_START": "0",
        "CHAINSAGA_SCHEDULES": "false",
    }
    async with AsyncExitStack() as stack:
        clients = []
        for number, command in enumerate(("api", "api", "worker", "worker")):
            port = free_port()
            name = "API_PORT" if command == "api" else "WORKER_METRICS_PORT"
            child = stack.enter_context(
                process(
                    place,
                    command,
                    f"{command}-{number}",
                    **shared,
                    **{f"CHAINSAGA_{name}": str(port)},
                )
            )
            http = httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=70, trust_env=False)
            clients.append((child, await stack.enter_async_context(http)))
        for child, http in clients:

            async def answers(child: Any = child, http: httpx2.AsyncClient = http) -> bool:
                child.check_alive()
                try:
                    return (await http.get("/metrics")).is_success
                except httpx2.TransportError:
                    return False

            await until(answers, START_LIMIT, "a process to answer", pause=0.1)
        everyone = [http for _, http in clients]
        yield Fleet([Api(http) for http in everyone[:2]], everyone)


def edit(engine: Engine, text: str) -> None:
    """As somebody does who knows SQL alone."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE flow_chain SET chain_code = %s, version = version + 1", (text,)
        )


def ran(view: dict[str, Any]) -> tuple[int, list[str]]:
    """The version of a record, and the tags of its steps."""
    return view["rule_version"], [entry["tag"] for entry in view["executionStack"]]


async def run(api: Api) -> tuple[int, list[str]]:
    """Start the chain as it now is; what its record says."""
    id = f"run-{uuid4().hex[:12]}"
    answer = await api.execute(CHAIN.name, NOW, execution_id=id)
    assert answer.status_code == 200, answer.text
    return ran(await api.ended(id))


async def test_a_change_is_live_everywhere_and_what_runs_keeps_its_version(
    place: Place, engine: Engine, fleet: Fleet, temporal: Client, gate: Gate
) -> None:
    first, second = fleet.apis
    await fleet.all_say("chainsaga_rule_chains{", 1)
    held = await first.execute(CHAIN.name, gate.request(), execution_id="held", mode="async")
    assert held.status_code == 202
    await gate.entering()
    edit(engine, 'THEN(gate.tag("two"));')
    await fleet.all_say("chainsaga_rule_refresh_changes_total{", 2)
    gate.open()
    assert ran(await second.ended("held")) == (1, ["one"])
    two = (2, ["two"])
    assert [await run(api) for api in fleet.apis] == [two, two]

    # Whichever worker takes it freezes the chain itself.
    ids = [f"by-hand-{number}" for number in range(6)]
    queue = place.settings.task_queue
    await asyncio.gather(
        *(temporal.execute_workflow(CHAIN.name, NOW, id=f"1:{id}", task_queue=queue) for id in ids)
    )
    assert [ran(await first.ended(id)) for id in ids] == [two] * len(ids)

    edit(engine, 'THEN(gate.tag("three"), nowhere);')
    await fleet.all_say("chainsaga_rule_quarantined_chains{", 1)
    assert [await run(api) for api in fleet.apis] == [two, two], "the last good version serves"
    edit(engine, 'THEN(gate.tag("four"));')
    await fleet.all_say("chainsaga_rule_quarantined_chains{", 0)
    four = (4, ["four"])
    assert [await run(api) for api in fleet.apis] == [four, four]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE flow_chain SET chain_enable = 0")
    for api in fleet.apis:
        await until(partial(disabled, api), LIVE_LIMIT, "the chain to be off", pause=0.2)
    assert set(await fleet.numbers("chainsaga_rule_refresh_failures_total{")) == {0}


async def disabled(api: Api) -> bool:
    answer = await api.execute(CHAIN.name, NOW)
    return answer.status_code == 409 and answer.json()["code"] == "CHAIN_DISABLED"
