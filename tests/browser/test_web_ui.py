"""What a person sees of a compensated saga in Temporal's Web UI.

With CHAINSAGA_WRITE_IMAGES=1 the picture in the README is taken anew.
"""

import os
from pathlib import Path
from time import monotonic
from urllib.parse import urlencode

from playwright.async_api import FloatRect, Locator, Page, expect

from dev.stack import ROOT
from tests.browser.orders import TENANT, WIDTH, DeclinedOrder

MARGIN = 8
SEEN_MS = 20_000
LISTED_SECONDS = 30.0
PICTURE = ROOT / "docs" / "images" / "compensated-run.png"
LARGEST_PICTURE = 250_000

STEPS = ("createOrder", "deductStock", "freezeCoupon", "pay")
UNDOS = ("undo createOrder", "undo deductStock", "undo freezeCoupon")


async def test_the_timeline_reads_like_the_chain(
    page: Page, declined_order: DeclinedOrder, tmp_path: Path
) -> None:
    await open_run(page, declined_order)
    await page.get_by_text("Descending", exact=True).click()
    for step in STEPS:
        await expect(page.get_by_text(f"{step} • step {step}")).to_be_visible(timeout=SEEN_MS)
    await expect(page.get_by_text("restoreStock • undo deductStock")).to_be_visible()

    heights = [await top(page.get_by_text(f"• undo {s}")) for s in reversed(declined_order.done)]

    assert heights == sorted(heights), "undone in reverse order of completion, first at the top"
    picture = await take_picture(page, tmp_path / "compensated-run.png")
    assert len(picture) < LARGEST_PICTURE
    if os.environ.get("CHAINSAGA_WRITE_IMAGES"):
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_bytes(picture)


async def test_the_compact_history_names_every_step_and_undo(
    page: Page, declined_order: DeclinedOrder, tmp_path: Path
) -> None:
    await open_run(page, declined_order)
    await page.get_by_test_id("compact").click()
    table = page.get_by_test_id("event-summary-table")
    for text in (*(f"step {step}" for step in STEPS), *UNDOS):
        await expect(table.get_by_text(text, exact=True)).to_be_visible(timeout=SEEN_MS)
    await expect(table.get_by_text("step notify", exact=True)).to_have_count(0)
    await page.screenshot(path=tmp_path / "compact.png")


async def test_the_current_details_show_the_chain_as_a_tree(
    page: Page, declined_order: DeclinedOrder, tmp_path: Path
) -> None:
    await open_run(page, declined_order)
    await page.get_by_test_id("user-metadata-tab").click()
    details = page.frame_locator('iframe[src*="COMPENSATED"]').locator("body")
    for text in ("THEN", "WHEN", "deductStock undone", "pay refused: the card was declined"):
        await expect(details.get_by_text(text).last).to_be_visible(timeout=SEEN_MS)
    await expect(details).to_contain_text("placeOrder version 1: COMPENSATED")
    await expect(page.get_by_text("undo deductStock", exact=True)).to_be_visible()
    await page.screenshot(path=tmp_path / "current-details.png")


async def test_the_list_finds_it_by_tenant_and_status(
    page: Page, declined_order: DeclinedOrder, tmp_path: Path
) -> None:
    query = urlencode({"query": f'SagaTenant="{TENANT}" AND SagaStatus="COMPENSATED"'})
    row = page.get_by_role("row").filter(has_text=declined_order.workflow_id)
    await open_until_visible(
        page, f"{declined_order.ui_url}/namespaces/default/workflows?{query}", row
    )
    await expect(row).to_have_count(1)
    await expect(row.get_by_text("placeOrder", exact=True)).to_be_visible()
    await expect(row.get_by_text("Failed", exact=True)).to_be_visible()
    await page.screenshot(path=tmp_path / "list.png")


async def open_run(page: Page, order: DeclinedOrder) -> None:
    """Open the run by the link that the API gave, and wait for its history."""
    await page.goto(order.link)
    heading = page.get_by_test_id("workflow-id-heading").filter(visible=True)
    await expect(heading.first).to_contain_text(order.workflow_id, timeout=SEEN_MS)
    await expect(page.get_by_text("step deductStock").first).to_be_visible(timeout=SEEN_MS)
    await expect(page.get_by_text("undo deductStock").first).to_be_visible(timeout=SEEN_MS)


async def open_until_visible(page: Page, url: str, wanted: Locator) -> None:
    """Open a list again and again: Temporal's visibility is a moment behind its history."""
    deadline = monotonic() + LISTED_SECONDS
    while True:
        await page.goto(url)
        try:
            return await expect(wanted).to_be_visible()
        except AssertionError:
            if monotonic() > deadline:
                raise


async def take_picture(page: Page, path: Path) -> bytes:
    """The run's head and its timeline, without input, traceback and the UI's own navigation."""
    await page.add_style_tag(content='[data-testid="input-and-result"] { display: none }')
    head = await box(page.get_by_test_id("back-to-workflows").filter(visible=True).first)
    table = await box(page.get_by_test_id("feed"))
    clip = FloatRect(
        x=head["x"] - MARGIN,
        y=head["y"] - MARGIN,
        width=WIDTH - head["x"],
        height=table["y"] - head["y"] - 3 * MARGIN,
    )
    return await page.screenshot(path=path, clip=clip)


async def top(locator: Locator) -> float:
    """How far from the top something stands."""
    return (await box(locator))["y"]


async def box(locator: Locator) -> FloatRect:
    """Where something stands. It must be visible."""
    found = await locator.bounding_box()
    assert found is not None
    return found
