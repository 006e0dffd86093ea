"""One place with API and worker for each module of the API's tests; ids that nobody used."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from dev.temporal_server import DevServer
from tests.api.gates import Gate
from tests.api.sites import (
    Api,
    Place,
    client_of,
    environment_of,
    new_place,
    open_api,
    open_worker,
)


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Databases and settings; the environment points to them."""
    place = new_place(tmp_path_factory.mktemp("place"), temporal_server.address)
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    """The API alone."""
    async with open_api(place.settings) as api:
        yield api


@pytest.fixture(scope="module")
async def worker(place: Place) -> AsyncIterator[None]:
    """A worker beside the API."""
    async with open_worker(place.settings):
        yield


@pytest.fixture(scope="module")
async def temporal(temporal_server: DevServer) -> Client:
    """A client of the module's server."""
    return await client_of(temporal_server.address)


@pytest.fixture
def id() -> str:
    """An execution id that nobody used."""
    return f"x-{uuid4().hex[:12]}"


@pytest.fixture
def make_gate(tmp_path: Path) -> Iterator[Callable[[], Gate]]:
    """Gates that are open at the end, so that no step is left behind."""
    gates: list[Gate] = []

    def make() -> Gate:
        gates.append(Gate(tmp_path / f"gate-{len(gates)}"))
        return gates[-1]

    yield make
    for gate in gates:
        gate.open()


@pytest.fixture
def gate(make_gate: Callable[[], Gate]) -> Gate:
    """One gate."""
    return make_gate()
