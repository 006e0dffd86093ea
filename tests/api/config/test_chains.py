"""Chains over HTTP: making, drafting, bringing live, switching, deleting, listing."""

from typing import Any

import pytest

from tests.api.config.author import BAD, BETTER, GOOD, Author, refused
from tests.api.sites import Place, only, open_api

pytestmark = pytest.mark.asyncio


async def test_a_chain_is_live_when_it_is_published(author: Author) -> None:
    made = await author.done("POST", "chains", {"name": "buy", "el": GOOD, "reason": "first"})
    assert only(made, "status", "version", "row_version", "draft_version", "changed") == {
        "status": "DRAFT",
        "version": 1,
        "row_version": 1,
        "draft_version": None,
        "changed": True,
    }
    assert only(made, "change", "changed_by", "reason", "el", "serving_version") == {
        "change": "CREATE",
        "changed_by": "ann",
        "reason": "first",
        "el": GOOD,
        "serving_version": None,
    }
    assert await author.steps("buy") == "CHAIN_DISABLED"
    live = await author.done("POST", "chains/buy/publish", {"version": 1})
    assert only(live, "status", "version", "serving_version", "change") == {
        "status": "PUBLISHED",
        "version": 2,
        "serving_version": 2,
        "change": "PUBLISH",
    }
    assert await author.steps("buy") == "createOrder==>pay"


async def test_a_draft_waits_while_what_is_live_serves(author: Author) -> None:
    await author.create("buy")
    drafted = await author.edit("buy", el=BETTER, reason="thank them")
    assert only(drafted, "el", "version", "row_version", "draft_version", "serving_version") == {
        "el": GOOD,
        "version": 2,
        "row_version": 1,
        "draft_version": 2,
        "serving_version": 1,
    }
    assert only(drafted["draft"], "el", "version", "changed_by", "reason") == {
        "el": BETTER,
        "version": 2,
        "changed_by": "ann",
        "reason": "thank them",
    }
    assert await author.steps("buy") == "createOrder==>pay"
    again = await author.edit("buy", description="with thanks")
    assert again["draft"]["el"] == BETTER, "an edit goes on from the draft"
    live = await author.done("POST", "chains/buy/publish", {"version": 3})
    assert only(live, "el", "description", "draft", "serving_version") == {
        "el": BETTER,
        "description": "with thanks",
        "draft": None,
        "serving_version": 4,
    }
    assert await author.steps("buy") == "createOrder==>pay==>notify"
    assert await author.changes("buy") == [
        (4, "PUBLISH"),
        (3, "DRAFT"),
        (2, "DRAFT"),
        (1, "CREATE"),
    ]


async def test_a_draft_can_be_given_up(author: Author) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER)
    found = await author.done("DELETE", "chains/buy/draft", version=2)
    assert only(found, "el", "draft", "version", "row_version", "serving_version") == {
        "el": GOOD,
        "draft": None,
        "version": 3,
        "row_version": 1,
        "serving_version": 1,
    }
    again = await author.done("DELETE", "chains/buy/draft")
    assert (again["changed"], again["version"]) == (False, 3)


async def test_an_edit_can_be_live_at_once(author: Author) -> None:
    await author.create("buy")
    found = await author.edit("buy", el=BETTER, publish=True)
    assert only(found, "change", "version", "serving_version") == {
        "change": "UPDATE",
        "version": 2,
        "serving_version": 2,
    }
    assert await author.steps("buy") == "createOrder==>pay==>notify"
    assert found["live"] == {"via": "poll", "within_seconds": 60.0, "instances": None}


MOVES: list[tuple[str, str, str, bool]] = [
    ("disable", "CHAIN_DISABLED", "PUBLISHED", False),
    ("unpublish", "CHAIN_DISABLED", "DRAFT", True),
]


@pytest.mark.parametrize(("move", "steps", "status", "enabled"), MOVES)
async def test_a_chain_goes_out_of_service_and_back(
    author: Author, move: str, steps: str, status: str, enabled: bool
) -> None:
    await author.create("buy")
    await author.edit("buy", el=BETTER)
    found = await author.done("POST", f"chains/buy/{move}")
    assert (found["status"], found["enabled"], found["serving_version"]) == (status, enabled, None)
    assert await author.steps("buy") == steps
    again = await author.done("POST", f"chains/buy/{move}")
    assert (again["changed"], again["version"]) == (False, found["version"])
    back = await author.done(
        "POST", f"chains/buy/{'enable' if move == 'disable' else 'publish'}", {"version": 3}
    )
    assert await author.steps("buy") == (
        # To be switched on again is no change of what it is; its draft is still one.
        "createOrder==>pay" if move == "disable" else "createOrder==>pay==>notify"
    )
    assert (back["draft"] is not None) is (move == "disable")


async def test_what_is_deleted_leaves_its_versions(author: Author) -> None:
    await author.create("buy")
    gone = await author.done("DELETE", "chains/buy", version=1, reason="nobody buys")
    assert only(gone, "name", "version", "changed") == {
        "name": "buy",
        "version": 2,
        "changed": True,
    }
    assert await author.steps("buy") == "CHAIN_UNKNOWN"
    assert refused(await author.send("GET", "chains/buy")) == (404, "CHAIN_UNKNOWN")
    again = await author.done("DELETE", "chains/buy", version=1)
    assert (again["changed"], again["version"]) == (False, 2)
    assert await author.changes("buy") == [(2, "DELETE"), (1, "CREATE")]
    back = await author.done("POST", "chains/buy/rollback", {"version": 1})
    assert (back["version"], back["serving_version"]) == (3, 3)
    assert await author.steps("buy") == "createOrder==>pay"
    await author.done("DELETE", "chains/buy", version=3)
    anew = await author.create("buy", BETTER)
    assert (anew["version"], anew["change"]) == (5, "CREATE")


async def test_what_is_left_out_stays_and_null_empties(author: Author) -> None:
    fields: dict[str, Any] = {
        "description": "buys",
        "transactional": False,
        "undo_policy": "continue",
        "route": "isVip",
    }
    await author.create("buy", **fields)
    found = await author.edit("buy", el=BETTER, publish=True)
    assert only(found, *fields) == fields
    found = await author.edit("buy", route=None, description=None, publish=True)
    assert only(found, *fields) == fields | {"route": None, "description": None}


async def test_what_is_wrong_is_told_in_full_and_changes_nothing(author: Author) -> None:
    answer = await author.send("POST", "chains", {"name": "buy", "el": BAD})
    assert refused(answer) == (422, "CHAIN_INVALID")
    found, _ = answer.json()["details"]["diagnostics"]
    assert only(found, "category", "line", "column", "severity") == {
        "category": "syntax",
        "line": 2,
        "column": 12,
        "severity": "error",
    }
    assert found["message"]
    assert refused(await author.send("GET", "chains/buy/versions")) == (404, "CHAIN_UNKNOWN")
    await author.create("buy")
    answer = await author.send(
        "PUT", "chains/buy", {"version": 1, "el": "THEN(createOrdr, payy);", "route": "nobody"}
    )
    categories = [one["category"] for one in answer.json()["details"]["diagnostics"]]
    assert categories == ["unknown_ref", "unknown_ref", "unknown_ref"]
    assert await author.changes("buy") == [(1, "CREATE")]


async def test_warnings_come_with_what_was_written(author: Author) -> None:
    found = await author.create("buy", "THEN(pay, createOrder, pay);")
    assert found["diagnostics"]
    assert {one["severity"] for one in found["diagnostics"]} <= {"warning", "info"}
    again = await author.edit("buy", el=found["el"], publish=True)
    assert (again["changed"], again["diagnostics"]) == (False, found["diagnostics"])


async def test_a_draft_may_come_before_what_it_includes(author: Author) -> None:
    await author.done("POST", "chains", {"name": "part", "el": GOOD})
    whole = await author.done("POST", "chains", {"name": "whole", "el": "THEN(part, notify);"})
    answer = await author.send("POST", "chains/whole/publish", {"version": whole["version"]})
    assert refused(answer) == (422, "CHAIN_INVALID")
    await author.done("POST", "chains/part/publish", {"version": 1})
    await author.done("POST", "chains/whole/publish", {"version": whole["version"]})
    assert await author.steps("whole") == "createOrder==>pay==>notify"


async def test_a_list_filters_counts_and_pages(author: Author) -> None:
    for name in ("e", "b", "d", "a", "c"):
        await author.create(name, BETTER if name in "bd" else GOOD, publish=name != "a")
    await author.done("POST", "chains/e/disable")
    await author.edit("b", description="drafted")
    await author.create("far", namespace="decisions", route="isVip")

    async def names(**query: Any) -> list[str]:
        return [item["name"] for item in (await author.get("chains", **query))["items"]]

    assert await names() == ["a", "b", "c", "d", "e", "far"]
    assert await names(namespace="default") == ["a", "b", "c", "d", "e"]
    assert await names(namespace="decisions") == ["far"]
    assert await names(status="DRAFT") == ["a"]
    assert await names(enabled=False) == ["e"]
    assert await names(draft=True) == ["b"]
    assert await names(text="NOTIFY") == ["b", "d"]
    assert await names(text="%") == []
    found = await author.get("chains", namespace="default", status="DRAFT")
    assert found["counts"] == {
        "total": 5,
        "published": 4,
        "drafts": 1,
        "disabled": 1,
        "changed": 1,
    }
    seen: list[str] = []
    cursor = None
    while True:
        page = await author.get("chains", limit=2, cursor=cursor)
        seen += [item["name"] for item in page["items"]]
        assert len(page["items"]) <= 2
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["a", "b", "c", "d", "e", "far"]
    assert refused(await author.send("GET", "chains", cursor="nonsense")) == (
        400,
        "CURSOR_INVALID",
    )


async def test_namespaces_are_apart_and_must_be_served(author: Author) -> None:
    await author.create("buy", GOOD)
    await author.create("buy", BETTER, namespace="decisions")
    assert (await author.get("chains/buy"))["el"] == GOOD
    assert (await author.get("chains/buy", namespace="decisions"))["el"] == BETTER
    answer = await author.send("GET", "chains/buy", namespace="nowhere")
    assert refused(answer) == (404, "NAMESPACE_UNKNOWN")
    assert answer.json()["details"]["served"] == ["default", "decisions"]


BODIES: list[tuple[dict[str, Any], str]] = [
    ({"name": "a/b", "el": GOOD}, "body.name"),
    ({"name": "", "el": GOOD}, "body.name"),
    ({"name": "x" * 129, "el": GOOD}, "body.name"),
    ({"name": "x"}, "body.el"),
    ({"name": "x", "el": GOOD, "undo_policy": "maybe"}, "body.undo_policy"),
    ({"name": "x", "el": GOOD, "colour": "red"}, "body.colour"),
]


@pytest.mark.parametrize(("body", "field"), BODIES)
async def test_a_request_that_cannot_be_read_names_the_field(
    author: Author, body: dict[str, Any], field: str
) -> None:
    answer = await author.send("POST", "chains", body)
    assert refused(answer) == (422, "REQUEST_INVALID")
    assert answer.json()["details"]["fields"][0]["field"] == field


async def test_reserved_names_are_refused(author: Author) -> None:
    answer = await author.send("POST", "chains", {"name": "chainsaga.mine", "el": GOOD})
    assert refused(answer) == (422, "CHAIN_INVALID")


@pytest.mark.parametrize(
    "changes", [{"rule_source": "files:."}, {"chain_table": "chains_of_ours"}], ids=["files", "own"]
)
async def test_rules_that_are_kept_elsewhere_are_not_edited_here(
    place: Place, changes: dict[str, str]
) -> None:
    async with open_api(place.settings.model_copy(update=changes)) as api:
        author = Author(api.http, "1")
        for answer in (
            await author.send("GET", "chains"),
            await author.send("POST", "chains", {"name": "buy", "el": GOOD}),
            await author.send("POST", "components/x/disable", {}),
        ):
            assert refused(answer) == (409, "RULES_READ_ONLY")
        assert (await author.send("GET", "status")).status_code == 200
