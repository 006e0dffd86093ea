"""One fleet for all tests of this folder; every test has tenants that nobody used."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from dev.databases import RedisServer, redis_server
from dev.temporal_server import DevServer
from rules.source.repository import ChainRow
from tests.activities.mirror.stores import Stores, session_stores
from tests.api.config.author import GOOD
from tests.api.fleet.first_words import FirstWords, first_words
from tests.api.fleet.fleet import Fleet, open_fleet
from tests.api.sites import Place, client_of, environment_of, load, new_place

COMPONENTS = "activities.components,tests.api.gates,tests.api.fleet.edits.world"
CHAIN = ChainRow(tenant="1", name="buy", text=GOOD)


@pytest.fixture(scope="package")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest.fixture(scope="package")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Their own: who else used one would be on its board for a while."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="package")
def place(
    temporal_server: DevServer,
    stores: Stores,
    redis: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("fleet")
    first = new_place(home, temporal_server.address, components=COMPONENTS)
    with stores.migrated("mariadb", home) as url:
        stands = {"database_url": url, "redis_url": redis.url}
        place = replace(first, settings=first.settings.model_copy(update=stands))
        load(place.settings, [CHAIN], tenants=["1"])
        with environment_of(place):
            yield place


@pytest_asyncio.fixture(scope="package")
async def begun(
    place: Place, stores: Stores, redis: RedisServer, temporal: Client
) -> AsyncIterator[tuple[Fleet, FirstWords]]:
    """All four, which were started while there was no database, and what they said then."""
    async with open_fleet(place, stores.mariadb, redis) as fleet:
        with fleet.database_away("killed"):
            for part in fleet.parts:
                fleet.launch(part)
            said = await first_words(fleet, temporal)
        await fleet.agreed()
        yield fleet, said


@pytest.fixture(scope="package")
def fleet(begun: tuple[Fleet, FirstWords]) -> Fleet:
    """All four, sound."""
    return begun[0]


@pytest_asyncio.fixture(scope="package")
async def temporal(temporal_server: DevServer) -> Client:
    return await client_of(temporal_server.address)


@pytest.fixture
def tenant() -> str:
    """One that has no chains."""
    return f"t-{uuid4().hex[:12]}"
