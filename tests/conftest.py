"""What tests of several packages share: one Temporal dev server for the whole session."""

from collections.abc import Iterator

import pytest

from dev.temporal_server import DevServer, dev_server
from dev.tools import temporal_binary


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A real Temporal server, in memory, on free ports."""
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    with dev_server(temporal_binary(), log=log) as server:
        yield server
