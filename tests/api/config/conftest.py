"""An API for the configuration's tests, on each store; every test has tenants that nobody used."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from rules.source.repository import ChainRow
from tests.activities.mirror.stores import STORES, session_stores
from tests.api.config.author import GOOD, Author
from tests.api.sites import Api, Place, environment_of, load, new_place, open_api

NO_TEMPORAL = "127.0.0.1:1"


@pytest.fixture(scope="module", params=STORES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Databases and settings; the rules need no Temporal."""
    home = tmp_path_factory.mktemp("place")
    first = new_place(home, NO_TEMPORAL, route_namespaces=("decisions",))
    stores = session_stores(request.config, tmp_path_factory)
    (home / "own").mkdir()
    with stores.migrated(request.param, home / "own") as url:
        place = replace(first, settings=first.settings.model_copy(update={"database_url": url}))
        load(place.settings, [ChainRow(tenant="", name="placeOrder", text=GOOD)])
        with environment_of(place):
            yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    """The API alone."""
    async with open_api(place.settings) as api:
        yield api


@pytest.fixture
def author(api: Api) -> Author:
    """Somebody who writes chains for a tenant that has none."""
    return Author(api.http, f"t-{uuid4().hex[:12]}")


@pytest.fixture
def other(author: Author) -> Author:
    """Somebody of another tenant."""
    return Author(author.http, f"t-{uuid4().hex[:12]}")
