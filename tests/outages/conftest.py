"""One site for all dramas of this folder: its processes are taken down and come back."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
from temporalio.client import Client

from dev.temporal_server import DevServer
from tests.api.sites import Api, client_of
from tests.outages.site import Site, open_site


@pytest.fixture(scope="module")
def site(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("outages"), temporal_server.address) as site:
        yield site


@pytest.fixture(scope="module")
async def api(site: Site) -> AsyncIterator[Api]:
    """A client of the API's process, whichever it is at the time."""
    async with httpx2.AsyncClient(base_url=site.api_url, timeout=70, trust_env=False) as http:
        yield Api(http)


@pytest.fixture(scope="module")
async def temporal(temporal_server: DevServer) -> Client:
    return await client_of(temporal_server.address)
