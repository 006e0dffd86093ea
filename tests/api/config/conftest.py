"""An API for the configuration's tests, on SQLite; every test has tenants that nobody used."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from tests.api.config.author import Author
from tests.api.sites import Api, Place, environment_of, new_place, open_api

NO_TEMPORAL = "127.0.0.1:1"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Databases and settings; the rules need no Temporal."""
    place = new_place(
        tmp_path_factory.mktemp("place"), NO_TEMPORAL, route_namespaces=("decisions",)
    )
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
