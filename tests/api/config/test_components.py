"""Script components over HTTP: what is theirs alone, beside what they share with chains."""

from typing import Any

import pytest

from rules.source.engine import create_engine_for
from tests.api.config.author import Author, refused
from tests.api.sites import Place, only
from tests.rules.source.script_rows import drop_script, put_script

pytestmark = pytest.mark.asyncio

SCRIPT: dict[str, Any] = {
    "name": "isLarge",
    "title": "large orders",
    "type": "boolean_script",
    "language": "CEL",
    "code": "request.price > 1000",
}


async def test_a_script_has_drafts_versions_and_a_way_back(author: Author) -> None:
    made = await author.done("POST", "components", {**SCRIPT, "publish": True})
    assert only(made, "status", "version", "type", "language", "code", "title") == {
        "status": "PUBLISHED",
        "version": 1,
        "type": "boolean_script",
        "language": "cel",
        "code": "request.price > 1000",
        "title": "large orders",
    }
    path = "components/isLarge"
    drafted = await author.done("PUT", path, {"version": 1, "code": "request.price > 2000"})
    assert (drafted["code"], drafted["draft"]["code"]) == (made["code"], "request.price > 2000")
    live = await author.done("POST", f"{path}/publish", {"version": 2})
    assert (live["code"], live["draft"], live["version"]) == ("request.price > 2000", None, 3)
    await author.done("POST", f"{path}/disable")
    await author.done("POST", f"{path}/enable")
    back = await author.done("POST", f"{path}/rollback", {"version": 1, "reason": "too few"})
    assert (back["code"], back["version"], back["reason"]) == (made["code"], 6, "too few")
    assert only(await author.get(f"{path}/versions/3"), "code", "change", "language") == {
        "code": "request.price > 2000",
        "change": "PUBLISH",
        "language": "cel",
    }
    gone = await author.done("DELETE", path, version=6)
    assert (gone["name"], gone["version"]) == ("isLarge", 7)
    assert refused(await author.send("GET", path)) == (404, "COMPONENT_UNKNOWN")
    assert [change for _, change in await author.changes("isLarge", "components")] == [
        "DELETE",
        "ROLLBACK",
        "ENABLE",
        "DISABLE",
        "PUBLISH",
        "DRAFT",
        "CREATE",
    ]


async def test_what_sql_makes_of_a_script_are_versions(author: Author, place: Place) -> None:
    engine = create_engine_for(place.settings.database_url, "tests")
    put_script(engine, author.tenant, "isLarge", "true", type="boolean_script", language="cel")
    path = "components/isLarge"
    found = await author.get(path)
    assert (found["version"], found["change"], found["code"]) == (1, "FOUND", "true")
    put_script(engine, author.tenant, "isLarge", "false", type="boolean_script", language="cel")
    found = await author.get(path)
    assert only(found, "version", "row_version", "change", "code") == {
        "version": 2,
        "row_version": 2,
        "change": "FOUND",
        "code": "false",
    }
    assert await author.changes("isLarge", "components") == [(2, "FOUND"), (1, "FOUND")]
    assert (await author.get(f"{path}/versions/1"))["code"] == "true"
    answer = await author.send("PUT", path, {"version": 1, "code": "1 > 2"})
    assert refused(answer) == (409, "CONFIG_STALE")
    assert "the database itself" in answer.json()["message"]
    drop_script(engine, author.tenant, "isLarge")
    engine.dispose()
    assert refused(await author.send("GET", path)) == (404, "COMPONENT_UNKNOWN")
    back = await author.done("POST", f"{path}/rollback", {"version": 1})
    assert (back["version"], back["code"]) == (3, "true")


async def test_a_stale_edit_of_a_script_is_refused(author: Author) -> None:
    await author.done("POST", "components", SCRIPT)
    path = "components/isLarge"
    assert refused(await author.send("PUT", path, {"code": "true"})) == (428, "VERSION_REQUIRED")
    await author.done("PUT", path, {"version": 1, "code": "true"})
    answer = await author.send("PUT", path, {"version": 1, "code": "false"})
    assert refused(answer) == (409, "CONFIG_STALE")


async def test_scripts_and_chains_of_one_name_are_apart(author: Author) -> None:
    await author.done("POST", "components", SCRIPT)
    await author.create("isLarge", "THEN(pay);")
    await author.edit("isLarge", description="a chain")
    assert len(await author.changes("isLarge")) == 2
    assert len(await author.changes("isLarge", "components")) == 1


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"name": "pay"}, "CONFIG_INVALID", "name"),
    ({"name": "chainsaga.mine"}, "CONFIG_INVALID", "name"),
    ({"type": "wizard"}, "REQUEST_INVALID", "type"),
    ({"language": " "}, "REQUEST_INVALID", "language"),
    ({"code": ""}, "REQUEST_INVALID", "code"),
]


@pytest.mark.parametrize(("fields", "code", "field"), BAD)
async def test_a_script_that_cannot_be_is_refused(
    author: Author, fields: dict[str, Any], code: str, field: str
) -> None:
    answer = await author.send("POST", "components", {**SCRIPT, **fields})
    assert refused(answer) == (422, code)
    assert field in answer.json()["message"]


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"code": "a &&\n  (b"}, 2, "Syntax error"),
    ({"code": "true", "type": "script"}, 1, "it is for conditions"),
    ({"language": "python", "code": "x = 1\nreturn (x"}, 2, "'(' was never closed"),
    ({"language": "js", "code": "let x = ;"}, 1, "Unexpected token ';'"),
]


@pytest.mark.parametrize(("fields", "line", "words"), WRONG)
async def test_a_text_that_does_not_compile_is_refused(
    author: Author, fields: dict[str, Any], line: int, words: str
) -> None:
    answer = await author.send("POST", "components", {**SCRIPT, "publish": True, **fields})
    assert answer.status_code == 422, answer.text
    (found,) = answer.json()["details"]["diagnostics"]
    assert only(found, "category", "line") == {"category": "script", "line": line}
    assert words in found["message"]


async def test_a_language_without_an_engine_is_warned_of(author: Author) -> None:
    fields = {"language": "groovy", "code": "return 1 ("}
    made = await author.done("POST", "components", {**SCRIPT, "publish": True, **fields})
    (warning,) = made["diagnostics"]
    assert warning["message"] == "engine groovy has no worker in this deployment"


async def test_versions_of_a_script_are_compared(author: Author) -> None:
    await author.done("POST", "components", {**SCRIPT, "publish": True})
    path = "components/isLarge/diff"
    nothing = await author.get(path)
    assert only(nothing, "same", "fields", "text") == {"same": True, "fields": [], "text": []}
    change = {"version": 1, "code": "request.price > 1000\n&& true", "title": None}
    await author.done("PUT", "components/isLarge", change)
    found = await author.get(path)
    assert found == {
        "name": "isLarge",
        "before": side(1, "CREATE", "PUBLISHED"),
        "after": side(2, "DRAFT", "DRAFT"),
        "same": False,
        "fields": [{"field": "title", "before": "large orders", "after": None}],
        "text": ["@@ -1 +1,2 @@", " request.price > 1000", "+&& true"],
    }
    back = await author.get(path, **{"from": "2", "to": "1"})
    assert (back["before"], back["text"][-1]) == (found["after"], "-&& true")
    assert refused(await author.send("GET", path, to="3")) == (404, "VERSION_UNKNOWN")
    assert refused(await author.send("GET", path, to="soon")) == (422, "CONFIG_INVALID")
    nowhere = await author.send("GET", "components/nobody/diff")
    assert refused(nowhere) == (404, "COMPONENT_UNKNOWN")


def side(version: int, change: str, status: str) -> dict[str, Any]:
    """One of the two that are compared."""
    told = {"version": version, "change": change, "status": status}
    return {**told, "operator": "ann", "diagnostics": []}


async def test_scripts_are_listed_by_state(author: Author) -> None:
    for name in ("x1", "x2", "x3"):
        await author.done("POST", "components", {**SCRIPT, "name": name, "publish": name != "x1"})
    mine = author.tenant
    found = await author.get("components", status="PUBLISHED", text="x")
    assert [one["name"] for one in found["items"] if one["tenant"] == mine] == ["x2", "x3"]
    page = await author.get("components", limit=1, text="x")
    rest = await author.get("components", cursor=page["next_cursor"], text="x")
    names = [item["name"] for item in (*page["items"], *rest["items"]) if item["tenant"] == mine]
    assert names == ["x1", "x2", "x3"]
