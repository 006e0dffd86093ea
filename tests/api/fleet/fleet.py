"""Two APIs and two workers as processes on one MariaDB and one Redis, and what all of them say.

For the tests of this folder. Each process comes to the database as a user of its own, so that it is
known who does what there. A part that is taken away comes back at the end of its block.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import uuid4

import httpx2
from sqlalchemy import Engine, make_url
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from dev.databases import DatabaseServer, RedisServer
from dev.processes import ChildProcess, free_port
from dev.temporal_server import HOST
from rules.source.engine import create_engine_for
from tests.api.config.author import Author
from tests.api.sites import Api, Place, process
from tests.api.waiting import until
from tests.outages.world import FOLDER, World

COMMANDS: Final = ("api", "api", "worker", "worker")
START_LIMIT: Final = 90.0
LIVE_LIMIT: Final = 60.0
"""Polls come each ten seconds; slow machines have their share."""
RIGHTS: Final = "SELECT, INSERT, UPDATE, DELETE"
"""All that the product needs; who migrates needs more."""
SIDE_BY_SIDE: Final = 4
How = Literal["killed", "suspended"]


@dataclass
class Part:
    """One process. `http` is its API, or a worker's metrics, `user` its name in the database."""

    number: int
    http: httpx2.AsyncClient
    environment: Mapping[str, str]
    user: str
    child: ChildProcess = field(init=False)
    lives: int = 0

    @property
    def command(self) -> str:
        return COMMANDS[self.number]

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it has logged under a name, since it last began; Temporal's SDK logs as it likes."""
        lines = self.child.log.read_text().splitlines()
        found = (json.loads(line) for line in lines if line.startswith("{"))
        return [line for line in found if line.get("event") == event]

    async def answers(self) -> bool:
        self.child.check_alive()
        try:
            return (await self.http.get("/metrics")).is_success
        except httpx2.TransportError:
            return False


@dataclass
class Fleet:
    """The processes, the APIs first; `engine` is what the tests use behind the product's back."""

    place: Place
    database: DatabaseServer
    redis: RedisServer
    engine: Engine
    world: World
    opened: AsyncExitStack
    parts: list[Part] = field(default_factory=list)

    @property
    def apis(self) -> tuple[Api, Api]:
        return Api(self.parts[0].http), Api(self.parts[1].http)

    @property
    def workers(self) -> list[Part]:
        return [part for part in self.parts if part.command == "worker"]

    def author(self, tenant: str, api: int = 0, name: str = "ann") -> Author:
        """Somebody who uses one of the APIs."""
        return Author(self.parts[api].http, tenant, name)

    def authors(self, tenant: str) -> tuple[Author, Author]:
        """One of the tenant's authors at each API."""
        return self.author(tenant), self.author(tenant, 1, "bob")

    def launch(self, part: Part) -> None:
        """Start a process of the fleet, at first or again."""
        part.lives += 1
        log = f"{part.command}-{part.number}-{part.lives}"
        opened = process(self.place, part.command, log, **part.environment)
        part.child = self.opened.enter_context(opened)

    async def answering(self) -> None:
        """Wait until every process answers, whatever it says."""
        for part in self.parts:
            await until(part.answers, START_LIMIT, f"{part.command} {part.number}", 0.1)

    async def statuses(self, tenant: str = "1") -> list[Any]:
        """What each API says of all."""
        return await asyncio.gather(*(one.get("status") for one in self.authors(tenant)))

    async def agreed(self, tenant: str = "1", api: int = 0, *, told: bool = False) -> Any:
        """The status as soon as all four serve the same, and nobody is behind.

        With `told` all have said what they hold back of the tenant.
        """

        async def look() -> Any:
            found = await self.statuses(tenant)
            living = self.living(found)
            if told and any(one["quarantine"] is None for one in living):
                return None
            sound = all(one["behind"] is False and not one["degraded"] for one in living)
            return {**found[api], "instances": living} if sound and _same(living) else None

        return await until(look, LIVE_LIMIT, "four instances that agree", 0.1)

    async def same(self, tenant: str) -> None:
        """Waits until all four serve the same, whether or not they can know of being behind."""

        async def look() -> bool:
            return _same(self.living(await self.statuses(tenant)))

        await until(look, LIVE_LIMIT, "four instances that serve the same", 0.1)

    def living(self, statuses: Sequence[Any]) -> list[Any]:
        """What is newest of each instance.

        Each API knows itself best; of others it knows what they told some seconds ago. One that was
        killed is known for a while.
        """
        newest: dict[str, Any] = {}
        for one in sorted((one for found in statuses for one in found["instances"]), key=_as_of):
            if _pid(one["name"]) in self.pids:
                newest[one["name"]] = one
        return list(newest.values())

    @property
    def pids(self) -> set[int]:
        return {part.child.pid for part in self.parts}

    async def numbers(self, metric: str) -> list[float]:
        """A metric of each process; one that has no such line counts as none."""
        found = []
        for part in self.parts:
            lines = (await part.http.get("/metrics")).text.splitlines()
            values = [line.rpartition(" ")[2] for line in lines if line.startswith(metric)]
            found.append(sum(map(float, values)))
        return found

    async def all_say(self, metric: str, value: float) -> None:
        """Wait until each process has this number."""

        async def look() -> bool:
            return set(await self.numbers(metric)) == {value}

        await until(look, LIVE_LIMIT, f"{metric} to be {value} everywhere", 0.1)

    @contextmanager
    def database_away(self, how: How) -> Iterator[None]:
        """The server crashes, or hangs, until the end of the block."""
        (self.database.suspend if how == "suspended" else self.database.kill)()
        try:
            yield
        finally:
            (self.database.resume if how == "suspended" else self.database.start)()

    @contextmanager
    def redis_away(self) -> Iterator[None]:
        """Redis has crashed until the end of the block; what was in it is lost."""
        self.redis.kill()
        try:
            yield
        finally:
            self.redis.start()

    async def by_hand(self, temporal: Client, tenant: str, chain: str, request: object) -> str:
        """Start a saga past the APIs: a worker freezes the chain. The execution's id."""
        id = f"hand-{uuid4().hex[:12]}"
        queue = self.place.settings.task_queue
        await temporal.start_workflow(chain, request, id=f"{tenant}:{id}", task_queue=queue)
        return id

    async def on_both_workers(
        self, temporal: Client, tenant: str, chain: str, request: object
    ) -> list[Any]:
        """Sagas started by hand, of which each worker has frozen at least one; their details."""
        views: list[Any] = []
        froze: Counter[int] = Counter()

        async def one() -> None:
            id = await self.by_hand(temporal, tenant, chain, request)
            handle = temporal.get_workflow_handle(f"{tenant}:{id}")
            await handle.result()
            froze[await _first_worker(handle)] += 1
            views.append(await self.apis[0].ended(id, tenant))

        async def look() -> bool:
            # Side by side, or the same worker may take one after the other.
            await asyncio.gather(*(one() for _ in range(SIDE_BY_SIDE)))
            return all(froze[part.child.pid] for part in self.workers)

        await until(look, LIVE_LIMIT, "each worker to freeze a saga")
        return views


async def _first_worker(handle: WorkflowHandle[Any, Any]) -> int:
    """The process that has begun a workflow, whose first act is to freeze the chain."""
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return int(event.workflow_task_completed_event_attributes.identity.partition("@")[0])
    raise AssertionError("nobody has begun it")


def _same(instances: Sequence[Any]) -> bool:
    return len(instances) == len(COMMANDS) and len({one["sha"] for one in instances}) == 1


def _as_of(instance: Any) -> str:
    return str(instance["as_of"])


def _pid(instance: str) -> int:
    """The process of an instance, which its name tells: role, host, pid, chance."""
    return int(instance.rsplit("-", 2)[1])


@asynccontextmanager
async def open_fleet(
    place: Place, database: DatabaseServer, redis: RedisServer
) -> AsyncIterator[Fleet]:
    """All four, ready to be launched."""
    world = World(place.home)
    world.prepare()
    shared = {
        "CHAINSAGA_REDIS_URL": redis.url,
        "CHAINSAGA_RULE_LOCK": "true",
        "CHAINSAGA_RULE_REFRESH": "10",
        "CHAINSAGA_RULE_POLLING_START": "0",
        "CHAINSAGA_SCHEDULES": "false",
        "CHAINSAGA_LOG_JSON": "true",
        FOLDER: str(world.home),
    }
    async with AsyncExitStack() as opened:
        engine = create_engine_for(place.settings.database_url, "tests")
        opened.callback(engine.dispose)
        fleet = Fleet(place, database, redis, engine, world, opened)
        for number, command in enumerate(COMMANDS):
            port, url = free_port(), make_url(place.settings.database_url)
            user = opened.enter_context(_user(database, str(url.database)))
            name = "API_PORT" if command == "api" else "WORKER_METRICS_PORT"
            environment = {
                **shared,
                f"CHAINSAGA_{name}": str(port),
                "CHAINSAGA_DATABASE_URL": _as_user(place.settings.database_url, user),
            }
            http = httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=70, trust_env=False)
            await opened.enter_async_context(http)
            fleet.parts.append(Part(number, http, environment, user))
        opened.callback(_brought_back, database)
        yield fleet


def _brought_back(server: DatabaseServer) -> None:
    """As others expect it, also after a test that was broken off."""
    server.resume()
    if server.process.exit_code is not None:
        server.start()


@contextmanager
def _user(server: DatabaseServer, database: str) -> Iterator[str]:
    """Somebody who may edit one database, and is gone at the end."""
    name = f"u{uuid4().hex[:8]}"
    server.execute(f"CREATE USER {name}@'%' IDENTIFIED BY '{name}'")
    server.execute(f"GRANT {RIGHTS} ON `{database}`.* TO {name}@'%'")
    try:
        yield name
    finally:
        server.execute(f"DROP USER {name}@'%'")


def _as_user(url: str, user: str) -> str:
    address = make_url(url).set(username=user, password=user)
    return address.render_as_string(hide_password=False)


def shown(view: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The version of a record, and the steps that it ran."""
    return view["rule_version"], [entry["component"] for entry in view["executionStack"]]
