"""A migrated database and the deployment around it, for the commands that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli.site import Site
from tests.activities.mirror.stores import StoreName, Stores, session_stores


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest.fixture(params=["sqlite"])
def url(request: pytest.FixtureRequest, stores: Stores, tmp_path: Path) -> Iterator[str]:
    """On SQLite, unless a test says otherwise."""
    store: StoreName = request.param
    with stores.migrated(store, tmp_path) as url:
        yield url


@pytest.fixture
def site(url: str) -> Site:
    return Site(
        url, "dms-liteflow", "default", ("campaigns",), ("activities.components",), tenant="1"
    )
