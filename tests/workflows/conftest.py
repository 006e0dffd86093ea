"""The laboratory of `tests.workflows.lab`, open for the session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dev.temporal_server import DevServer
from tests.workflows.lab import Lab, open_lab


@pytest_asyncio.fixture(scope="session")
async def lab(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lab]:
    async with open_lab(temporal_server.address, tmp_path_factory.mktemp("lab")) as opened:
        yield opened
