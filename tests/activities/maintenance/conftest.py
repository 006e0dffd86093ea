"""A migrated database for every test, on each of the stores; a client of a real Temporal server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Engine
from temporalio.client import Client

from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from tests.activities.mirror.stores import STORES, StoreName, Stores, session_stores
from tests.api.sites import client_of


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest.fixture(params=STORES)
def engine(request: pytest.FixtureRequest, stores: Stores, tmp_path: Path) -> Iterator[Engine]:
    store: StoreName = request.param
    with stores.migrated(store, tmp_path) as url:
        engine = create_engine_for(url, "tests")
        yield engine
        engine.dispose()


@pytest_asyncio.fixture(scope="session")
async def client(temporal_server: DevServer) -> Client:
    return await client_of(temporal_server.address)
