"""What a change would do: compiled, linted, compared, and run on the sagas that there were."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest

from dev.temporal_server import DevServer
from tests.api.config.author import BAD, GOOD, Author, refused
from tests.api.sites import (
    BOOK,
    DECLINED,
    Api,
    Place,
    environment_of,
    new_place,
    only,
    open_api,
    open_worker,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

EL = (
    'THEN(createOrder, IF(isVip, notify), CATCH(pay), WHEN(notify.tag("mail"), notify.tag("sms")));'
)
VIP: dict[str, Any] = {**BOOK, "vip": True}


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = new_place(tmp_path_factory.mktemp("place"), temporal_server.address)
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    async with open_api(place.settings) as api:
        yield api


@pytest.fixture(scope="module")
async def author(api: Api, place: Place) -> Author:
    """Of a tenant with three sagas: a plain one, a VIP's, and one whose payment is refused."""
    author = Author(api.http, f"t-{uuid4().hex[:12]}")
    await author.create("buy", EL)
    async with open_worker(place.settings):
        for id, request in (("plain", BOOK), ("vip", VIP), ("declined", DECLINED)):
            answer = await api.execute("buy", request, author.tenant, execution_id=id)
            assert answer.status_code == 200, answer.text
        for id in ("plain", "vip", "declined"):
            await api.ended(id, author.tenant)
    return author


async def preview(author: Author, name: str = "buy", **body: Any) -> Any:
    return await author.done("POST", f"chains/{name}/preview", body)


def told(found: Any) -> dict[str, str]:
    return {saga["execution_id"]: saga["outcome"] for saga in found["replay"]["sagas"]}


# What is written in place of what, and what becomes of the plain, the VIP's and the declined saga.
CHANGES: list[tuple[str, str, tuple[str, str, str]]] = [
    (", ", ",\n  ", ("same", "same", "same")),
    ('notify.tag("mail"), ', "", ("changed", "changed", "changed")),
    ("(isVip, notify)", '(isVip, notify.tag("vip"))', ("same", "changed", "same")),
    ("CATCH(pay)", "pay", ("same", "same", "new_failure")),
    ("CATCH(pay)", "CATCH(pay), deductStock", ("changed", "changed", "changed")),
    ("CATCH(pay)", 'IF(isVip.tag("x"), pay)', ("unknown", "unknown", "unknown")),
]


@pytest.mark.parametrize(("old", "new", "outcomes"), CHANGES)
async def test_recent_sagas_are_run_again(
    author: Author, old: str, new: str, outcomes: tuple[str, str, str]
) -> None:
    found = await preview(author, el=EL.replace(old, new))
    assert found["sound"] is True
    assert told(found) == dict(zip(("plain", "vip", "declined"), outcomes, strict=True))
    counted = only(found["replay"], "same", "changed", "new_failures", "unknown", "left_out")
    assert counted == {
        "same": outcomes.count("same"),
        "changed": outcomes.count("changed"),
        "new_failures": outcomes.count("new_failure"),
        "unknown": outcomes.count("unknown"),
        "left_out": 0,
    }
    for saga in found["replay"]["sagas"]:
        assert saga["before"][:2] == ["createOrder", "isVip"]
        assert (saga["outcome"] in ("new_failure", "unknown")) is (saga["why"] is not None)


async def test_a_preview_writes_nothing_and_calls_nobody(api: Api, author: Author) -> None:
    before = await api.json("/api/saga/executions", author.tenant)
    found = await preview(author, el=GOOD, description="less", recent=2)
    assert len(found["replay"]["sagas"]) == 2
    assert [one["field"] for one in found["diff"]["fields"]] == ["description"]
    assert found["diff"]["tree"]["inside"]
    assert await author.changes("buy") == [(1, "CREATE")]
    after = await api.json("/api/saga/executions", author.tenant)
    assert after["items"] == before["items"]
    assert (await author.get("chains/buy"))["draft"] is None


async def test_a_bad_text_is_told_and_not_run(author: Author) -> None:
    found = await preview(author, el=BAD)
    assert only(found, "sound", "replay", "broken") == {
        "sound": False,
        "replay": None,
        "broken": {},
    }
    assert found["diagnostics"][0]["category"] == "syntax"
    assert found["diff"]["tree"] is None
    assert found["diff"]["after"]["diagnostics"] == found["diagnostics"]


async def test_a_chain_that_is_not_there_yet_can_be_previewed(author: Author) -> None:
    found = await preview(author, "fresh", el=GOOD)
    assert only(found, "sound", "diff") == {"sound": True, "diff": None}
    assert found["replay"]["sagas"] == []
    answer = await author.send("GET", "chains/fresh")
    assert refused(answer) == (404, "CHAIN_UNKNOWN")


async def test_it_tells_what_would_break_and_what_a_rollback_would_do(author: Author) -> None:
    await author.create("part")
    await author.create("whole", "THEN(part, notify);")
    found = await preview(author, "part", el="THEN(createOrder, {{rest}});")
    assert sorted(found["broken"]) == ["whole"]
    await author.edit("part", el="THEN(createOrder, pay, notify);", publish=True)
    back = await preview(author, "part", version=1)
    assert [inner["change"] for inner in back["diff"]["tree"]["inside"]] == [
        "same",
        "same",
        "removed",
    ]
    answer = await author.send("POST", "chains/part/preview", {"version": 9})
    assert refused(answer) == (404, "VERSION_UNKNOWN")


async def test_another_tenants_sagas_play_no_part(api: Api, author: Author) -> None:
    other = Author(api.http, f"t-{uuid4().hex[:12]}")
    await other.create("buy", EL)
    assert (await preview(other, el=GOOD))["replay"]["sagas"] == []
