"""Editing while the database is away, and beside somebody who takes locks by SQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from activities.mirror.tables import mirror_watermark
from dev.processes import wait_until
from rules.source.collisions import collided
from rules.source.engine import create_engine_for
from rules.source.tables import flow_chain
from tests.activities.mirror.stores import session_stores
from tests.api.config.author import BETTER, GOOD, Author, refused
from tests.api.config.conftest import NO_TEMPORAL
from tests.api.sites import Place, environment_of, new_place, open_api, taken_away

pytestmark = pytest.mark.asyncio

ROUNDS = 4
LIMIT = 5.0


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = new_place(tmp_path_factory.mktemp("place"), NO_TEMPORAL)
    with environment_of(place):
        yield place


@pytest.fixture
async def author(place: Place) -> AsyncIterator[Author]:
    async with open_api(place.settings) as api:
        yield Author(api.http, f"t-{uuid4().hex[:12]}")


async def test_what_is_served_serves_on_and_edits_wait(place: Place, author: Author) -> None:
    await author.create("buy")
    with taken_away(place):
        for answer in (
            await author.send("GET", "chains"),
            await author.send("GET", "chains/buy"),
            await author.send("PUT", "chains/buy", {"version": 1, "el": BETTER}),
            await author.send("POST", "chains", {"name": "sell", "el": GOOD}),
            await author.send("POST", "chains/buy/preview", {"el": BETTER}),
        ):
            assert refused(answer) == (503, "DATABASE_UNAVAILABLE")
        assert refused(await author.send("POST", "refresh")) == (503, "RULES_UNAVAILABLE")
        assert await author.steps("buy") == "createOrder==>pay"
        found = await author.get("status")
        (one,) = found["instances"]
        assert (found["revision"], one["degraded"], one["behind"]) == (None, True, None)
        assert one["degraded_since"]
        assert one["failures"] > 0
        assert (await author.done("DELETE", "cache"))["instances"][0]["done"] is True
        assert await author.steps("buy") == "createOrder==>pay", "compiled from what was read"
    await author.done("POST", "refresh")
    (one,) = (await author.get("status"))["instances"]
    assert (one["degraded"], one["behind"]) == (False, False)
    await author.edit("buy", el=BETTER, publish=True)
    assert await author.steps("buy") == "createOrder==>pay==>notify"


@pytest.fixture
def on_mariadb(
    place: Place, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    stores = session_stores(request.config, tmp_path_factory)
    with stores.migrated("mariadb", place.home) as url:
        settings = place.settings.model_copy(update={"database_url": url})
        yield replace(place, settings=settings)


async def test_who_locks_by_sql_fails_no_edit(on_mariadb: Place) -> None:
    """They lock the chain's row first, we the revision: somebody must give way, and repeats it."""
    engine = create_engine_for(on_mariadb.settings.database_url, "tests")
    async with open_api(on_mariadb.settings) as api:
        author = Author(api.http, f"t-{uuid4().hex[:12]}")
        mine = (flow_chain.c.tenant_id == author.tenant) & (flow_chain.c.chain_name == "buy")
        await author.create("buy")

        def begin(*, much: bool) -> Connection:
            connection = engine.connect()
            if much:
                # Of two that wait for each other, the one who has done less gives way.
                connection.execute(delete(mirror_watermark))
                now = datetime.now(UTC)
                rows = [{"name": f"w{number}", "position": now} for number in range(100)]
                connection.execute(insert(mirror_watermark), rows)
            connection.execute(select(flow_chain.c.id).where(mine).with_for_update())
            return connection

        def end(connection: Connection, words: str) -> bool:
            """Whether they were not the ones to give way."""
            with connection:
                try:
                    connection.execute(update(flow_chain).where(mine).values(chain_desc=words))
                    connection.commit()
                except OperationalError as error:
                    if not collided(error):
                        raise
                    return False
                return True

        for number in range(ROUNDS):
            much = number % 2 == 1
            read = await author.get("chains/buy")
            holder = await asyncio.to_thread(begin, much=much)
            fields = {"version": read["version"], "el": GOOD if read["el"] == BETTER else BETTER}
            editing = asyncio.create_task(
                author.send("PUT", "chains/buy", {**fields, "publish": True})
            )
            await asyncio.to_thread(someone_waits, holder)
            assert await asyncio.to_thread(end, holder, f"by sql {number}") is much
            answer, found = await editing, await author.get("chains/buy")
            if much:
                assert refused(answer) == (409, "CONFIG_STALE"), "tried again, and seen"
                assert found["description"] == f"by sql {number}"
            else:
                assert answer.status_code == 200, answer.text
                assert found["el"] == fields["el"]
    engine.dispose()


def someone_waits(connection: Connection) -> None:
    """Come back as soon as another connection waits for a row."""

    def waits() -> bool:
        found = connection.exec_driver_sql("SHOW STATUS LIKE 'Innodb_row_lock_current_waits'")
        return int(found.one()[1]) > 0

    wait_until(waits, LIMIT, "somebody to wait for the row")
