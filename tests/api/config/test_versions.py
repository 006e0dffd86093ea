"""Versions: who changed what and why, going back, edits by SQL among them, repeated requests."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from rules.source.engine import create_engine_for
from rules.source.repository import ChainRow
from rules.source.tables import flow_chain
from tests.api.config.author import BETTER, GOOD, Author, refused
from tests.api.sites import Place, load, only

pytestmark = pytest.mark.asyncio

LONGER = "THEN(createOrder, deductStock, pay);"


async def test_versions_tell_who_when_how_and_why(author: Author) -> None:
    await author.create("buy", reason="to sell")
    await author.edit("buy", el=BETTER, operator="bob", publish=True)
    await author.done("POST", "chains/buy/disable", {"operator": "cat", "reason": "fraud"})
    found = (await author.get("chains/buy/versions"))["items"]
    assert [only(one, "version", "change", "operator", "reason") for one in found] == [
        {"version": 3, "change": "DISABLE", "operator": "cat", "reason": "fraud"},
        {"version": 2, "change": "UPDATE", "operator": "bob", "reason": None},
        {"version": 1, "change": "CREATE", "operator": "ann", "reason": "to sell"},
    ]
    times = [datetime.fromisoformat(one["at"]) for one in found]
    assert times == sorted(times, reverse=True)
    assert len({one["sha"] for one in found}) == 3
    second = await author.get("chains/buy/versions/2")
    assert only(second, "el", "status", "enabled", "operator") == {
        "el": BETTER,
        "status": "PUBLISHED",
        "enabled": True,
        "operator": "bob",
    }
    assert refused(await author.send("GET", "chains/buy/versions/4")) == (404, "VERSION_UNKNOWN")


async def test_versions_come_in_pages(author: Author) -> None:
    await author.create("buy")
    for number in range(4):
        await author.edit("buy", description=f"number {number}")
    first = await author.get("chains/buy/versions", limit=2)
    second = await author.get("chains/buy/versions", limit=2, cursor=first["next_cursor"])
    third = await author.get("chains/buy/versions", limit=2, cursor=second["next_cursor"])
    pages = [[item["version"] for item in page["items"]] for page in (first, second, third)]
    assert pages == [[5, 4], [3, 2], [1]]
    assert third["next_cursor"] is None


async def test_going_back_makes_a_new_version_and_changes_none(author: Author) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER, publish=True)
    before = [await author.get(f"chains/buy/versions/{number}") for number in (1, 2)]
    back = await author.done("POST", "chains/buy/rollback", {"version": 1, "reason": "slow"})
    assert only(back, "version", "change", "el", "serving_version", "reason") == {
        "version": 3,
        "change": "ROLLBACK",
        "el": GOOD,
        "serving_version": 3,
        "reason": "slow",
    }
    assert await author.steps("buy") == "createOrder==>pay"
    assert [await author.get(f"chains/buy/versions/{number}") for number in (1, 2)] == before
    assert (await author.get("chains/buy/versions/3"))["sha"] == before[0]["sha"]
    again = await author.done("POST", "chains/buy/rollback", {"version": 1})
    assert (again["changed"], again["version"]) == (False, 3)


async def test_going_back_to_a_draft_of_what_is_live_is_live(author: Author) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER)
    await author.edit("buy", el=LONGER, publish=True)
    back = await author.done("POST", "chains/buy/rollback", {"version": 2})
    assert (back["status"], back["el"]) == ("PUBLISHED", BETTER)
    drafted = await author.done("POST", "chains/buy/rollback", {"version": 3, "publish": False})
    assert (drafted["el"], drafted["draft"]["el"]) == (BETTER, LONGER)


async def test_a_bad_version_cannot_come_back(author: Author) -> None:
    await author.create("part")
    await author.create("buy", "THEN(part, notify);")
    await author.edit("buy", el=GOOD, publish=True)
    await author.done("DELETE", "chains/part", version=1)
    answer = await author.send("POST", "chains/buy/rollback", {"version": 1})
    assert refused(answer) == (422, "CHAIN_INVALID")
    assert await author.changes("buy") == [(2, "UPDATE"), (1, "CREATE")]


STALE: list[tuple[str, str, dict[str, Any] | None]] = [
    ("PUT", "chains/buy", {"el": LONGER}),
    ("PUT", "chains/buy", {"el": LONGER, "publish": True}),
    ("POST", "chains/buy/publish", {}),
    ("DELETE", "chains/buy/draft", None),
    ("DELETE", "chains/buy", None),
]


@pytest.mark.parametrize(("method", "path", "body"), STALE)
async def test_a_change_names_the_version_that_it_is_made_from(
    author: Author, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER, operator="bob")
    answer = await author.send(method, path, body)
    assert refused(answer) == (428, "VERSION_REQUIRED")
    answer = await author.send(method, path, body, headers={"If-Match": '"1"'})
    assert refused(answer) == (409, "CONFIG_STALE")
    details = answer.json()["details"]
    assert only(details, "name", "given", "version", "change", "changed_by") == {
        "name": "buy",
        "given": 1,
        "version": 2,
        "change": "DRAFT",
        "changed_by": "bob",
    }
    assert details["changed_at"]
    assert "DRAFT by bob" in answer.json()["message"]
    read = await author.send("GET", "chains/buy")
    answer = await author.send(method, path, body, headers={"If-Match": read.headers["ETag"]})
    assert answer.status_code == 200, answer.text
    assert answer.headers.get("ETag", '"3"') == '"3"'


async def test_moves_that_overwrite_nobody_need_no_version(author: Author) -> None:
    await author.create("buy")
    for move in ("disable", "enable", "unpublish"):
        answer = await author.send("POST", f"chains/buy/{move}", headers={"If-Match": '"99"'})
        assert refused(answer) == (409, "CONFIG_STALE")
        assert (await author.done("POST", f"chains/buy/{move}"))["changed"] is True


@pytest.mark.parametrize("given", ["1", '"x"', '"1", "2"', "*"])
async def test_an_etag_is_one_that_an_answer_had(author: Author, given: str) -> None:
    await author.create("buy")
    answer = await author.send("PUT", "chains/buy", {"el": BETTER}, headers={"If-Match": given})
    assert refused(answer) == (422, "CONFIG_INVALID")
    answer = await author.send(
        "PUT", "chains/buy", {"el": BETTER, "version": 1}, headers={"If-Match": '"2"'}
    )
    assert refused(answer) == (422, "CONFIG_INVALID")


async def test_the_same_again_is_no_new_version(author: Author) -> None:
    body = {"name": "buy", "el": GOOD, "publish": True}
    assert (await author.send("POST", "chains", body)).status_code == 201
    again = await author.send("POST", "chains", body)
    assert (again.status_code, again.json()["changed"]) == (200, False)
    other = await author.send("POST", "chains", {**body, "el": BETTER})
    assert refused(other) == (409, "ALREADY_EXISTS")
    for publish in (False, True):
        change = {"version": 1, "el": BETTER, "publish": publish}
        first = await author.done("PUT", "chains/buy", {**change, "version": 1 + publish})
        # A reply that was lost: the same is asked for from the version of before.
        again = await author.send("PUT", "chains/buy", change)
        assert (again.status_code, again.json()["changed"]) == (200, False)
        assert again.json()["version"] == first["version"] == 2 + publish


async def test_a_key_makes_a_request_happen_once(author: Author, other: Author) -> None:
    await author.create("buy")
    key = {"Idempotency-Key": "ticket-7"}
    change = {"version": 1, "el": BETTER, "publish": True}
    first = await author.send("PUT", "chains/buy", change, headers=key)
    await author.edit("buy", el=LONGER, publish=True)
    again = await author.send("PUT", "chains/buy", change, headers=key)
    assert (first.json()["changed"], again.json()["changed"]) == (True, False)
    assert (again.status_code, again.json()["el"]) == (200, LONGER)
    for path, body in (("buy", {**change, "el": GOOD}), ("sell", change)):
        await author.done("POST", "chains", {"name": "sell", "el": GOOD})
        answer = await author.send("PUT", f"chains/{path}", body, headers=key)
        assert refused(answer) == (422, "IDEMPOTENCY_KEY_REUSED")
    await other.create("buy")
    theirs = await other.send("PUT", "chains/buy", change, headers=key)
    assert theirs.json()["changed"] is True, "another tenant's key is another key"


def by_sql(place: Place, author: Author, el: str | None, **columns: object) -> None:
    """Somebody edits the row itself; None takes it away."""
    mine = (flow_chain.c.tenant_id == author.tenant) & (flow_chain.c.chain_name == "buy")
    engine = create_engine_for(place.settings.database_url, "tests")
    with engine.begin() as connection:
        if el is None:
            connection.execute(delete(flow_chain).where(mine))
        else:
            connection.execute(update(flow_chain).where(mine).values(chain_code=el, **columns))
    engine.dispose()


@pytest.mark.parametrize("columns", [{}, {"version": 7}], ids=["same-number", "own-number"])
async def test_an_edit_by_sql_is_a_version_too(
    author: Author, place: Place, columns: dict[str, object]
) -> None:
    await author.create("buy")
    by_sql(place, author, BETTER, **columns)
    number = int(str(columns.get("version", 2)))
    found = await author.get("chains/buy")
    assert only(found, "el", "version", "change", "changed_by") == {
        "el": BETTER,
        "version": number,
        "change": "FOUND",
        "changed_by": None,
    }
    assert (await author.get(f"chains/buy/versions/{number}"))["el"] == BETTER
    answer = await author.send("PUT", "chains/buy", {"version": 1, "el": LONGER})
    assert refused(answer) == (409, "CONFIG_STALE")
    assert "the database itself" in answer.json()["message"]
    await author.edit("buy", el=LONGER, publish=True)
    assert await author.changes("buy") == [
        (number + 1, "UPDATE"),
        (number, "FOUND"),
        (1, "CREATE"),
    ]
    assert (await author.get(f"chains/buy/versions/{number}"))["el"] == BETTER


async def test_what_is_read_of_an_edit_by_sql_can_be_edited(author: Author, place: Place) -> None:
    """Also of a chain of which no version was ever kept."""
    load(place.settings, [ChainRow(tenant="", name="buy", text=GOOD)], tenants=[author.tenant])
    assert (await author.get("chains/buy"))["version"] == 1
    by_sql(place, author, BETTER)
    assert (await author.get("chains", text="buy"))["items"][0]["version"] == 2
    assert (await author.get("chains/buy"))["version"] == 2
    assert (await author.edit("buy", 2, el=LONGER, publish=True))["version"] == 3
    assert await author.changes("buy") == [(3, "UPDATE"), (2, "FOUND"), (1, "FOUND")]


async def test_an_unknown_name_is_told_what_is_near(author: Author) -> None:
    await author.create("giftOrder")
    answer = await author.send("GET", "chains/giftOrdr")
    assert refused(answer) == (404, "CHAIN_UNKNOWN")
    assert "did you mean 'giftOrder'?" in answer.json()["message"]


async def test_a_draft_stays_when_somebody_edits_by_sql(author: Author, place: Place) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER)
    by_sql(place, author, LONGER)
    found = await author.get("chains/buy")
    assert only(found, "el", "version", "row_version", "draft_version") == {
        "el": LONGER,
        "version": 3,
        "row_version": 3,
        "draft_version": 2,
    }
    found = await author.edit("buy", description="more")
    assert only(found, "el", "version", "row_version", "draft_version") == {
        "el": LONGER,
        "version": 4,
        "row_version": 3,
        "draft_version": 4,
    }
    assert found["draft"]["el"] == BETTER


async def test_what_sql_has_put_in_and_taken_away_has_a_history(
    author: Author, place: Place
) -> None:
    engine = create_engine_for(place.settings.database_url, "tests")
    with engine.begin() as connection:
        connection.execute(
            insert(flow_chain).values(
                tenant_id=author.tenant, chain_name="buy", chain_code=GOOD, status="PUBLISHED"
            )
        )
    engine.dispose()
    found = await author.get("chains/buy")
    assert (found["version"], found["change"]) == (1, "FOUND")
    assert await author.changes("buy") == [(1, "FOUND")]
    await author.edit("buy", 1, el=BETTER, publish=True)
    by_sql(place, author, None)
    assert refused(await author.send("GET", "chains/buy")) == (404, "CHAIN_UNKNOWN")
    back = await author.done("POST", "chains/buy/rollback", {"version": 1})
    assert (back["version"], back["el"], back["serving_version"]) == (3, GOOD, 3)


WITHOUT: list[tuple[str, str, dict[str, Any] | None]] = [
    ("DELETE", "chains/part", None),
    ("POST", "chains/part/disable", {}),
    ("POST", "chains/part/unpublish", {}),
    ("PUT", "chains/part", {"el": "THEN(whole);", "publish": True}),
]


@pytest.mark.parametrize(("method", "path", "body"), WITHOUT)
async def test_a_change_that_breaks_others_needs_force(
    author: Author, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await author.create("part")
    await author.create("whole", "THEN(part, notify);")
    await author.create("vip", "THEN(part);", namespace="decisions", route="isVip")
    await author.create("beside", GOOD)
    if method == "PUT":
        assert body is not None
        body = {"el": "THEN(createOrder, {{rest}});", "publish": True}
    match = {"If-Match": '"1"'}
    answer = await author.send(method, path, body, headers=match)
    assert refused(answer) == (409, "CHAINS_WOULD_BREAK")
    broken = answer.json()["details"]["broken"]
    assert sorted(broken) == ["vip", "whole"]
    assert broken["whole"][0]["line"] == 1
    assert await author.changes("part") == [(1, "CREATE")]
    if body is None:
        answer = await author.send(method, path, headers=match, force="true")
    else:
        answer = await author.send(method, path, {**body, "force": True}, headers=match)
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["broken"]) == ["vip", "whole"]
    assert await author.steps("whole") == "createOrder==>pay==>notify", "as it was compiled"
    held = await author.get("chains/whole")
    assert (held["serving_version"], len(held["held_back"])) == (1, 1)


async def test_a_broken_chain_is_no_obstacle_to_what_mends_it(author: Author) -> None:
    await author.create("part")
    await author.create("whole", "THEN(part, notify);")
    await author.done("DELETE", "chains/part", version=1, force="true")
    mended = await author.create("part", BETTER)
    assert mended["broken"] == {}
    assert (await author.get("chains/whole"))["held_back"] == []
