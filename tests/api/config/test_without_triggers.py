"""Editing where the database may have no triggers: changes are seen by their times."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from rules.source.engine import create_engine_for
from tests.api.config.author import BETTER, GOOD, Author, refused
from tests.api.config.conftest import NO_TEMPORAL
from tests.api.sites import Api, Place, environment_of, new_place, open_api

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = new_place(tmp_path_factory.mktemp("place"), NO_TEMPORAL)
    engine = create_engine_for(place.settings.database_url, "tests")
    with engine.begin() as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.exec_driver_sql(query).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE rule_revision SET revision = 0")
    engine.dispose()
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    async with open_api(place.settings) as api:
        yield api


async def test_changes_are_live_and_seen(api: Api) -> None:
    author = Author(api.http, f"t-{uuid4().hex[:12]}")
    await author.create("buy")
    assert await author.steps("buy") == "createOrder==>pay"
    await author.edit("buy", el=BETTER, publish=True)
    assert await author.steps("buy") == "createOrder==>pay==>notify"
    answer = await author.send("PUT", "chains/buy", {"version": 1, "el": GOOD})
    assert refused(answer) == (409, "CONFIG_STALE")
    await author.done("POST", "chains/buy/disable")
    assert await author.steps("buy") == "CHAIN_DISABLED"
    (one,) = (await author.get("status"))["instances"]
    assert (one["seen_by"], one["behind"]) == ("update_time", None)


async def test_a_deletion_is_live_at_once_too(api: Api) -> None:
    author = Author(api.http, f"t-{uuid4().hex[:12]}")
    await author.create("buy")
    await author.done("DELETE", "chains/buy", version=1)
    assert await author.steps("buy") == "CHAIN_UNKNOWN"
