"""API and worker serve chains from files, with the database up and down."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest
from pydantic import ValidationError
from temporalio.client import Client

from dev.stack import ROOT
from dev.temporal_server import DevServer
from settings import Settings
from tests.api.sites import (
    BOOK,
    Api,
    Place,
    environment_of,
    new_place,
    only,
    open_api,
    open_worker,
    taken_away,
)
from tests.api.waiting import until

SHOP = ROOT / "examples" / "liteflow" / "shop.el.xml"


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """As others have it, but for where the chains are read."""
    home = tmp_path_factory.mktemp("place")
    folder = home / "flow"
    folder.mkdir()
    copy(SHOP, folder)
    place = new_place(
        home,
        temporal_server.address,
        rule_source=f"files:{folder}",
        rule_refresh=10,
        rule_polling_start=0,
        route_namespaces=("campaigns",),
    )
    with environment_of(place):
        yield place


def write(place: Place, name: str, text: str) -> None:
    file = place.home / "flow" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


async def test_sagas_run_chains_of_files(
    api: Api, worker: None, place: Place, temporal: Client, *, id: str
) -> None:
    first = await api.execute("paidOrder", BOOK, execution_id=id)
    assert only(first.json(), "chain", "status") == {"chain": "paidOrder", "status": "COMPLETED"}
    assert first.json()["rule_version"] > 1
    assert [entry["component"] for entry in (await api.view(id))["executionStack"]] == [
        "createOrder",
        "deductStock",
        "freezeCoupon",
        "pay",
        "notify",
    ]
    # By hand, so that the worker reads the chain.
    handle = await temporal.start_workflow(
        "giftOrder", BOOK, id=f"1:{id}-hand", task_queue=place.settings.task_queue
    )
    await handle.result()
    # What only the table has is not there, nor what the file switches off.
    for chain, code in (("placeOrder", "CHAIN_UNKNOWN"), ("christmasOrder", "CHAIN_DISABLED")):
        assert (await api.execute(chain, BOOK)).json()["code"] == code
    routed = await api.http.post(
        "/api/execute/route", json={"namespace": "campaigns", "request": {**BOOK, "vip": True}}
    )
    assert [only(one, "chain", "success") for one in routed.json()] == [
        {"chain": "vipGift", "success": True}
    ]


async def test_what_changes_serves_soon_and_other_tenants_have_folders(
    api: Api, worker: None, place: Place, *, id: str
) -> None:
    write(place, "acme/flow.yml", "flow: {chain: [{id: acmes, value: 'THEN(createOrder, pay);'}]}")

    async def known() -> bool:
        return (await api.execute("acmes", BOOK, "acme", execution_id=id)).status_code == 200

    await until(known, 15, "the API to know the new file's chain", pause=0.5)
    assert (await api.execute("acmes", BOOK)).json()["code"] == "CHAIN_UNKNOWN"

    # Nobody misses a chain that is there: polls alone see that it has changed.
    write(place, "acme/flow.yml", "flow: {chain: [{id: acmes, value: 'THEN(createOrder);'}]}")

    async def changed() -> bool:
        ran = await api.execute("acmes", BOOK, "acme")
        return len((await api.view(ran.json()["execution_id"], "acme"))["executionStack"]) == 1

    await until(changed, 60, "a poll to see the change", pause=1)

    # One that does not compile leaves its last good version serving.
    write(place, "acme/flow.yml", "flow: {chain: [{id: acmes, value: 'THEN(nosuch);'}]}")
    write(place, "acme/more.yml", "flow: {chain: [{id: more, value: 'THEN(createOrder);'}]}")

    async def seen() -> bool:
        return (await api.execute("more", BOOK, "acme")).status_code == 200

    await until(seen, 15, "the second change", pause=0.5)
    assert await changed()


async def test_rules_are_there_without_the_database(place: Place, id: str) -> None:
    """Both start while it is down."""
    with taken_away(place):
        async with open_api(place.settings) as api, open_worker(place.settings):
            ended = await api.execute("giftOrder", BOOK, execution_id=id)
            assert (ended.status_code, ended.json()["status"]) == (200, "COMPLETED"), ended.text
            ready = (await api.get("/ready")).json()
            assert ready["status"] == "degraded"
            assert "the edited policies could not be read" in ready["rules"]


async def test_a_broken_file_is_told(place: Place, id: str) -> None:
    write(place, "broken.json", "{")
    async with open_api(place.settings) as api:

        async def degraded() -> str | None:
            ready = (await api.get("/ready")).json()
            return ready["rules"] if ready["status"] == "degraded" else None

        assert "broken.json:1: error: this is no JSON" in await until(degraded, 15, "the file")
        answer = await api.http.post("/api/execute/giftOrder", json=BOOK)
        assert answer.json()["success"] is True


@pytest.mark.parametrize("words", ["files", "files:", "xml:/flow", "Database", ""])
def test_the_setting_is_the_database_or_a_folder(words: str) -> None:
    with pytest.raises(ValidationError, match="`files:` with a folder"):
        Settings(rule_source=words)
    assert Settings(rule_source=f"files:{Path.home()}").rule_source
