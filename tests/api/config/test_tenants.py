"""Tenants: each sees, runs and edits its own; components may be shared; nobody is the default."""

from typing import Any

import pytest

from tests.api.config.author import BETTER, CONFIG, GOOD, Author, refused
from tests.api.sites import Api

pytestmark = pytest.mark.asyncio

SCRIPT: dict[str, Any] = {"language": "cel", "code": "true", "type": "boolean_script"}

UNKNOWN: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "chains/buy", None),
    ("GET", "chains/buy/versions", None),
    ("GET", "chains/buy/versions/1", None),
    ("PUT", "chains/buy", {"version": 1, "el": BETTER}),
    ("POST", "chains/buy/publish", {"version": 1}),
    ("POST", "chains/buy/unpublish", {}),
    ("POST", "chains/buy/disable", {}),
    ("POST", "chains/buy/enable", {}),
    ("POST", "chains/buy/rollback", {"version": 1}),
    ("DELETE", "chains/buy", None),
    ("DELETE", "chains/buy/draft", None),
]


@pytest.mark.parametrize(("method", "path", "body"), UNKNOWN)
async def test_another_tenants_chain_is_unknown(
    author: Author, other: Author, method: str, path: str, body: dict[str, Any] | None
) -> None:
    await author.create("buy")
    answer = await other.send(method, path, body, headers={"If-Match": '"1"'})
    assert refused(answer) == (404, "CHAIN_UNKNOWN")
    assert await author.changes("buy") == [(1, "CREATE")]


async def test_one_name_in_two_tenants_is_two_chains(author: Author, other: Author) -> None:
    await author.create("buy", GOOD)
    await other.create("buy", BETTER)
    await author.edit("buy", description="ours", publish=True)
    assert await author.steps("buy") == "createOrder==>pay"
    assert await other.steps("buy") == "createOrder==>pay==>notify"
    assert await other.changes("buy") == [(1, "CREATE")]
    await author.done("DELETE", "chains/buy", version=2)
    assert await other.steps("buy") == "createOrder==>pay==>notify"
    assert (await author.get("chains"))["items"] == []
    assert [item["name"] for item in (await other.get("chains"))["items"]] == ["buy"]


async def test_a_tenant_cannot_include_or_break_anothers_chain(
    author: Author, other: Author
) -> None:
    await author.create("part")
    await other.create("part")
    answer = await other.send("POST", "chains", {"name": "whole", "el": "THEN(part, far);"})
    assert refused(answer) == (422, "CHAIN_INVALID")
    await other.create("whole", "THEN(part, notify);")
    assert (await author.done("DELETE", "chains/part", version=1))["broken"] == {}


async def test_without_a_tenant_it_is_the_default_one_and_a_warning(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await api.http.get(f"{CONFIG}/chains", params={"text": "placeOrder"})
    assert {item["tenant"] for item in answer.json()["items"]} == {"1"}
    assert answer.json()["items"]
    told = capsys.readouterr().out
    assert "warning" in told
    assert "no X-Tenant-Id, taking the default" in told


@pytest.mark.parametrize("path", ["chains", "components", "status"])
async def test_a_tenant_that_cannot_be_one_is_refused(api: Api, path: str) -> None:
    answer = await api.http.get(f"{CONFIG}/{path}", headers={"X-Tenant-Id": "a b"})
    assert refused(answer) == (400, "TENANT_INVALID")


async def test_the_status_tells_a_tenant_of_its_own_quarantine_only(
    author: Author, other: Author
) -> None:
    await author.create("part")
    await author.create("whole", "THEN(part, notify);")
    await author.done("DELETE", "chains/part", version=1, force="true")
    (mine,) = (await author.get("status"))["instances"]
    (theirs,) = (await other.get("status"))["instances"]
    (held,) = mine["quarantine"]
    assert (held["chain"], held["serving_version"]) == ("whole", 1)
    assert held["stand_ins"] == [{"type": "chain", "name": "part", "version": 1}]
    assert held["diagnostics"][0]["category"] == "unknown_ref"
    assert theirs["quarantine"] == []
    assert (mine["tenant_quarantine_size"], theirs["tenant_quarantine_size"]) == (1, 0)
    assert mine["quarantine_size"] == theirs["quarantine_size"] > 0


async def test_shared_components_are_seen_by_all_and_edited_by_tenant_zero(
    author: Author, other: Author
) -> None:
    shared = Author(author.http, "0")
    name = f"check_{author.tenant[2:]}"
    body = {"name": name, "publish": True, **SCRIPT}
    made = await shared.done("POST", "components", body)
    assert (made["tenant"], made["shared"]) == ("0", True)
    for one in (author, other):
        (seen,) = (await one.get("components", text=name))["items"]
        assert (seen["tenant"], seen["shared"]) == ("0", True)
        for method, path, sent in (
            ("PUT", f"components/{name}", {"version": 1, "code": "false"}),
            ("POST", f"components/{name}/disable", {}),
            ("POST", f"components/{name}/rollback", {"version": 1}),
            ("DELETE", f"components/{name}", None),
        ):
            answer = await one.send(method, path, sent, headers={"If-Match": '"1"'})
            assert answer.status_code == 404, answer.text
    answer = await author.send("GET", f"components/{name}")
    assert refused(answer) == (404, "COMPONENT_UNKNOWN")
    assert "X-Tenant-Id: 0" in answer.json()["message"]
    own = await author.done("POST", "components", {**body, "code": "false"})
    assert (own["tenant"], own["shared"], own["code"]) == (author.tenant, False, "false")
    seen = (await author.get("components", text=name))["items"]
    assert [(item["tenant"], item["shared"]) for item in seen] == [
        ("0", True),
        (author.tenant, False),
    ]
    assert len((await other.get("components", text=name))["items"]) == 1
    assert await shared.changes(name, "components") == [(1, "CREATE")]
    assert await author.changes(name, "components") == [(1, "CREATE")]
