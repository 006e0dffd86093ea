"""A change of a script is judged by the chains that name it, as one of a chain is."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from rules.config import breaking
from tests.api.config.author import Author, refused

pytestmark = pytest.mark.asyncio

HEAD: dict[str, Any] = {
    "name": "isDear",
    "type": "boolean_script",
    "language": "cel",
    "code": "request.price > 500",
    "publish": True,
}
STEP: dict[str, Any] = {"type": "script", "language": "python", "code": "return True"}
CHANGES: list[tuple[str, str, dict[str, Any] | None]] = [
    ("DELETE", "components/isDear", None),
    ("POST", "components/isDear/disable", {}),
    ("POST", "components/isDear/unpublish", {}),
    ("PUT", "components/isDear", {**STEP, "publish": True}),
    ("PUT", "components/isDear", {"language": "groovy", "code": "true", "publish": True}),
    ("POST", "components/isDear/rollback", {"version": 1}),
]


@pytest.fixture
async def shared(author: Author) -> AsyncIterator[Author]:
    """Who edits what all tenants share; nothing of it is left behind."""
    everybody = Author(author.http, "0")
    yield everybody
    for item in (await everybody.get("components"))["items"]:
        path = f"components/{item['name']}"
        await everybody.done("DELETE", path, version=item["version"], force="true")


async def head(author: Author, **fields: Any) -> None:
    """The condition, in its second version; in the first it was a step."""
    await author.done("POST", "components", {**HEAD, **STEP, **fields})
    again = {key: value for key, value in HEAD.items() if key != "name"}
    await author.done("PUT", f"components/{fields.get('name', 'isDear')}", {"version": 1, **again})


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_a_change_that_breaks_chains_needs_force(
    author: Author, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await head(author)
    await author.create("buy", "IF(isDear, pay, notify);")
    await author.create("whole", "THEN(createOrder, buy);")
    await author.create("vip", "THEN(buy);", namespace="decisions", route="isDear")
    await author.create("beside", "THEN(pay);")
    match = {"If-Match": '"2"'}
    answer = await author.send(method, path, body, headers=match)
    assert refused(answer) == (409, "CHAINS_WOULD_BREAK")
    broken = answer.json()["details"]["broken"]
    assert sorted(broken) == ["buy", "vip", "whole"]
    assert "isDear" in broken["buy"][0]["drawing"]
    assert await author.changes("isDear", "components") == [(2, "UPDATE"), (1, "CREATE")]
    if body is None:
        answer = await author.send(method, path, headers=match, force="true")
    else:
        answer = await author.send(method, path, {**body, "force": True}, headers=match)
    assert answer.status_code == 200, answer.text
    assert sorted(answer.json()["broken"]) == ["buy", "vip", "whole"]
    held = await author.get("chains/buy")
    assert (held["serving_version"], len(held["held_back"])) == (1, 1)
    assert await author.steps("buy") == "isDear==>pay", "as it was compiled"


HARMLESS: list[tuple[str, str, dict[str, Any]]] = [
    ("another text", "PUT components/isDear", {"code": "request.price > 900", "publish": True}),
    ("a draft of another type", "PUT components/isDear", dict(STEP)),
    ("another language", "PUT components/isDear", {**STEP, **HEAD, "language": "cel"}),
    ("switched on already", "POST components/isDear/enable", {}),
]


@pytest.mark.parametrize(
    ("what", "body"), [row[1:] for row in HARMLESS], ids=[row[0] for row in HARMLESS]
)
async def test_a_change_that_breaks_nothing_is_made(
    author: Author, what: str, body: dict[str, Any]
) -> None:
    await head(author)
    await author.create("buy", "IF(isDear, pay, notify);")
    method, path = what.split()
    fields = {key: value for key, value in body.items() if key != "name"}
    done = await author.done(method, path, {"version": 2, **fields})
    assert done["broken"] == {}


async def test_what_is_broken_already_is_no_obstacle(author: Author) -> None:
    await head(author)
    await author.create("buy", "IF(isDear, pay, notify);")
    await author.done("DELETE", "components/isDear", version=2, force="true")
    made = await author.done("POST", "components", {**HEAD, **STEP})
    assert made["broken"] == {}, "as a step it is of no use to the chain, which was broken before"
    mended = await author.done("POST", "components/isDear/rollback", {"version": 2})
    assert mended["broken"] == {}
    assert (await author.get("chains/buy"))["held_back"] == []


async def test_a_new_script_may_take_the_place_of_a_chain(author: Author) -> None:
    await author.create("isDear", "THEN(pay);")
    await author.create("whole", "THEN(isDear, notify);")
    answer = await author.send("POST", "components", HEAD)
    assert refused(answer) == (409, "CHAINS_WOULD_BREAK")
    assert sorted(answer.json()["details"]["broken"]) == ["whole"]
    done = await author.done("POST", "components", {**HEAD, "force": True})
    assert sorted(done["broken"]) == ["whole"]


async def test_what_is_shared_is_judged_by_the_chains_of_all_tenants(
    author: Author, other: Author, shared: Author
) -> None:
    name = f"is{uuid4().hex[:8]}"
    await head(shared, name=name)
    for one in (author, other):
        await one.create("buy", f"IF({name}, pay, notify);")
    await author.create("whole", "THEN(buy);", namespace="decisions")
    third = Author(author.http, f"t-{uuid4().hex[:12]}")
    await head(third, name=name)
    await third.create("buy", f"IF({name}, pay, notify);")
    path = f"components/{name}"
    answer = await shared.send("POST", f"{path}/disable", {})
    assert refused(answer) == (409, "CHAINS_WOULD_BREAK")
    broken = answer.json()["details"]["broken"]
    mine, theirs = author.tenant, other.tenant
    assert sorted(broken) == sorted([f"{mine}/buy", f"{mine}/whole", f"{theirs}/buy"])
    found = broken[f"{theirs}/buy"][0]
    assert (found["chain"], found["line"], found["drawing"]) == ("buy", 1, ""), "sealed"
    # One of its own stands in for it.
    await author.done("POST", "components", {**HEAD, "name": name})
    done = await shared.done("POST", f"{path}/disable", {"force": True})
    assert sorted(done["broken"]) == [f"{theirs}/buy"]
    assert (await author.get("chains/buy"))["held_back"] == []
    assert len((await other.get("chains/buy"))["held_back"]) == 1
    again = await author.send("DELETE", path, version=1)
    assert refused(again) == (409, "CHAINS_WOULD_BREAK")
    assert sorted(again.json()["details"]["broken"]) == ["buy", "whole"]


async def test_no_more_chains_are_named_than_one_can_look_at(
    author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaking, "MOST_BROKEN", 3)
    await head(author)
    for number in range(5):
        await author.create(f"buy{number}", "IF(isDear, pay, notify);")
    answer = await author.send("POST", "components/isDear/disable", {})
    assert len(answer.json()["details"]["broken"]) == 3
