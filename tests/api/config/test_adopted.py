"""Drafts taken over from the platform's tables, which are switched off there: publishing serves."""

from typing import Any

import pytest
from sqlalchemy import insert

from rules.source.engine import create_engine_for
from rules.source.tables import flow_chain, rule_component
from tests.api.config.author import BETTER, GOOD, Author
from tests.api.sites import Place, only

pytestmark = pytest.mark.asyncio


def take_over(place: Place, tenant: str) -> None:
    """Rows as the migration leaves those that the platform did not serve."""
    off = {"tenant_id": tenant, "status": "DRAFT", "version": 1}
    chain = {"chain_name": "buy", "chain_code": GOOD, "chain_enable": False}
    script = {
        "component_id": "isDear",
        "component_code": "request.price > 500",
        "component_type": "boolean_script",
        "language": "cel",
        "script_enable": False,
    }
    engine = create_engine_for(place.settings.database_url, "tests")
    with engine.begin() as connection:
        connection.execute(insert(flow_chain).values(**off, **chain))
        connection.execute(insert(rule_component).values(**off, **script))
    engine.dispose()


WAYS: list[tuple[str, list[tuple[str, str, dict[str, Any]]]]] = [
    ("published", [("POST", "{}/publish", {"version": 1})]),
    (
        "edited, then published",
        [
            ("PUT", "{}", {"version": 1, "description": "ours"}),
            ("POST", "{}/publish", {"version": 2}),
        ],
    ),
    ("edited and live at once", [("PUT", "{}", {"version": 1, "el": BETTER, "publish": True})]),
    (
        "rolled back",
        [
            ("PUT", "{}", {"version": 1, "el": BETTER}),
            ("POST", "{}/rollback", {"version": 1, "publish": True}),
        ],
    ),
    (
        "switched off again meanwhile",
        [
            ("POST", "{}/enable", {}),
            ("POST", "{}/disable", {}),
            ("POST", "{}/publish", {"version": 3}),
        ],
    ),
]


@pytest.mark.parametrize("calls", [row[1] for row in WAYS], ids=[row[0] for row in WAYS])
async def test_a_draft_that_was_taken_over_serves_once_it_is_published(
    author: Author, place: Place, calls: list[tuple[str, str, dict[str, Any]]]
) -> None:
    take_over(place, author.tenant)
    assert (await author.get("chains/buy"))["enabled"] is False
    for method, path, body in calls:
        await author.done(method, path.format("chains/buy"), body)
    found = await author.get("chains/buy")
    assert only(found, "status", "enabled") == {"status": "PUBLISHED", "enabled": True}
    assert found["serving_version"] == found["version"]
    assert (await author.steps("buy")).startswith("createOrder==>pay")


async def test_so_does_a_script(author: Author, place: Place) -> None:
    take_over(place, author.tenant)
    found = await author.done("POST", "components/isDear/publish", {"version": 1})
    assert only(found, "status", "enabled") == {"status": "PUBLISHED", "enabled": True}
    await author.create("half", "IF(isDear, pay, notify);")
    assert await author.steps("half") == "isDear==>pay"


async def test_what_is_live_and_switched_off_stays_off(author: Author) -> None:
    await author.create("buy")
    await author.done("POST", "chains/buy/disable", {"reason": "fraud"})
    found = await author.edit("buy", el=BETTER, publish=True)
    assert only(found, "status", "enabled") == {"status": "PUBLISHED", "enabled": False}
    assert await author.steps("buy") == "CHAIN_DISABLED"
    await author.done("POST", "chains/buy/enable")
    assert await author.steps("buy") == "createOrder==>pay==>notify"
