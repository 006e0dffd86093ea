"""Two APIs and two workers as processes on MariaDB and Redis, for the sagas under edits."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import httpx2
from sqlalchemy import Engine

from dev.processes import ChildProcess, free_port
from dev.temporal_server import HOST
from rules.source.engine import create_engine_for
from tests.api.config.author import Author
from tests.api.sites import Api, Place, process
from tests.api.waiting import until
from tests.outages.world import FOLDER, World

START_LIMIT = 90.0
LIVE_LIMIT = 60.0
COMPONENTS = "tests.api.edits.world"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The APIs, and what the tests use behind the product's back."""

    apis: tuple[Api, Api]
    engine: Engine
    world: World
    queue: str

    def authors(self, tenant: str) -> tuple[Author, Author]:
        """One of the tenant's authors at each API."""
        return Author(self.apis[0].http, tenant), Author(self.apis[1].http, tenant, "bob")

    async def agreed(self, tenant: str, api: int = 0) -> dict[str, object]:
        """The status as soon as all four serve the same, and nobody is behind."""
        author = self.authors(tenant)[api]

        async def look() -> dict[str, object] | None:
            found: dict[str, object] = await author.get("status")
            instances = found["instances"]
            assert isinstance(instances, list)
            seen = len(instances) == 4 and all(one["behind"] is False for one in instances)
            return found if seen and found["same"] else None

        return await until(look, LIVE_LIMIT, "four instances that agree", 0.1)


@asynccontextmanager
async def open_fleet(place: Place) -> AsyncIterator[Fleet]:
    """All of it, as soon as every process has told of itself."""
    world = World(place.home)
    world.prepare()
    shared = {
        "CHAINSAGA_REDIS_URL": str(place.settings.redis_url),
        "CHAINSAGA_RULE_REFRESH": "10",
        "CHAINSAGA_RULE_POLLING_START": "0",
        "CHAINSAGA_SCHEDULES": "false",
        FOLDER: str(world.home),
    }
    async with AsyncExitStack() as parts:
        apis: list[tuple[ChildProcess, Api]] = []
        for number, command in enumerate(("api", "api", "worker", "worker")):
            port = {"CHAINSAGA_API_PORT": str(free_port())}
            log = f"{command}-{number}"
            child = parts.enter_context(process(place, command, log, **shared, **port))
            if command == "api":
                url = f"http://{HOST}:{port['CHAINSAGA_API_PORT']}"
                http = httpx2.AsyncClient(base_url=url, timeout=70, trust_env=False)
                apis.append((child, Api(await parts.enter_async_context(http))))
        for child, api in apis:
            await until(partial(_ready, child, api), START_LIMIT, "an API", pause=0.1)
        engine = create_engine_for(place.settings.database_url, "tests")
        parts.callback(engine.dispose)
        fleet = Fleet((apis[0][1], apis[1][1]), engine, world, place.settings.task_queue)
        await fleet.agreed("1")
        yield fleet


async def _ready(child: ChildProcess, api: Api) -> bool:
    child.check_alive()
    try:
        return (await api.http.get("/ready")).is_success
    except httpx2.TransportError:
        return False
