"""What authors wrote by the API goes into files and back, and imports are versions like theirs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.cli import bring, export
from api.cli.bring import Options
from api.cli.site import Site
from rules.files.writing import FORMATS, Format
from tests.api.config.author import BETTER, GOOD, Author, refused
from tests.api.sites import Place, only

pytestmark = pytest.mark.asyncio

SCRIPT: dict[str, Any] = {
    "name": "isLarge",
    "title": "large orders",
    "type": "boolean_script",
    "language": "cel",
    "code": "request.price > 1000 && request.price < 2000",
}


def site_of(place: Place, author: Author) -> Site:
    settings = place.settings
    return Site(
        settings.database_url,
        settings.application,
        settings.rule_namespace,
        settings.route_namespaces,
        settings.components,
        author.tenant,
    )


async def exported(site: Site, file: Path) -> None:
    assert await asyncio.to_thread(export.run, str(file), None, site) == 0


async def imported(site: Site, file: Path, **options: Any) -> int:
    options = {"publish": True, "operator": "bob", "reason": "moving", **options}
    return await asyncio.to_thread(bring.run, [str(file)], site, Options(**options))


async def written(author: Author) -> None:
    """Chains and a script in several states."""
    await author.create("order", "THEN(\n  createOrder, // first\n  pay\n);", description="d")
    await author.create("off", enabled=False)
    await author.create("draft", publish=False)
    await author.create("pick", route="isVip", namespace="decisions", transactional=False)
    await author.create("later")
    await author.edit("later", el=BETTER, publish=True)
    await author.done("POST", "components", {**SCRIPT, "publish": True})


async def told(author: Author) -> list[Any]:
    """What a reader of the API sees, but for times and versions."""
    found = []
    for part in ("chains", "components"):
        for item in (await author.get(part))["items"]:
            if item.get("tenant", author.tenant) != author.tenant:
                continue
            place = {"namespace": item["namespace"]} if part == "chains" else {}
            one = await author.get(f"{part}/{item['name']}", **place)
            names = ("name", "namespace", "el", "route", "extends", "description", "transactional")
            more = ("undo_policy", "status", "enabled", "title", "type", "language", "code")
            found.append({name: one.get(name) for name in (*names, *more)})
    return found


@pytest.mark.parametrize("format", FORMATS)
async def test_what_the_api_wrote_goes_into_a_file_and_back(
    place: Place, author: Author, other: Author, tmp_path: Path, format: Format
) -> None:
    await written(author)
    file = tmp_path / f"all.{format}"
    await exported(site_of(place, author), file)
    before = await author.changes("order")
    for publish in (False, True):
        assert await imported(site_of(place, author), file, publish=publish) == 0
    assert await author.changes("order") == before == [(1, "CREATE")]
    assert await author.changes("isLarge", "components") == [(1, "CREATE")]

    assert await imported(site_of(place, other), file) == 0
    mine, theirs = await told(author), await told(other)
    assert len(mine) == 6
    assert theirs == mine


async def test_an_import_is_a_version_that_the_api_goes_on_from(
    place: Place, author: Author, tmp_path: Path
) -> None:
    await author.create("order")
    await author.done("POST", "components", {**SCRIPT, "publish": True})
    site, file = site_of(place, author), tmp_path / "flow.xml"
    file.write_text(
        f"<flow><nodes><node id='isLarge' type='boolean_script' language='cel'>true</node></nodes>"
        f"<chain id='order'>{BETTER}</chain></flow>"
    )
    assert await imported(site, file) == 0
    for part, name in (("chains", "order"), ("components", "isLarge")):
        assert await author.changes(name, part) == [(2, "IMPORT"), (1, "CREATE")]
        newest = await author.get(f"{part}/{name}/versions/2")
        assert only(newest, "operator", "reason") == {"operator": "bob", "reason": "moving"}
    stale = await author.send("PUT", "chains/order", {"version": 1, "el": GOOD})
    assert refused(stale)[0] == 409
    assert "IMPORT by bob" in stale.json()["message"]
    await author.done("POST", "chains/order/rollback", {"version": 1})
    assert (await author.get("chains/order"))["el"] == GOOD
    assert await imported(site, file) == 0
    assert await author.changes("order") == [
        (4, "IMPORT"),
        (3, "ROLLBACK"),
        (2, "IMPORT"),
        (1, "CREATE"),
    ]
