"""A browser, and a saga to look at: an order whose card was declined, on real processes."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Browser, Page, async_playwright

from dev.chromium import CHROMIUM_VARIABLE, ChromiumMissingError, find_chromium, install_chromium
from dev.processes import ChildProcess, free_port, wait_until
from dev.samples import load_chains, prepare
from dev.stack import product_environment, product_process
from dev.temporal_server import HOST, DevServer
from tests.browser.orders import EXECUTION, HEIGHT, ORDER, TENANT, WIDTH, DeclinedOrder

READY_SECONDS = 60.0
TASK_QUEUE = "chainsaga-ui"
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def declined_order(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DeclinedOrder]:
    """Run the order through API and worker; the worker stays, because the Web UI queries it."""
    home = tmp_path_factory.mktemp("browser")
    prepare(home).dispose()
    load_chains(f"sqlite:///{home}/chainsaga.db", TENANT)
    port = free_port()
    environment = product_environment(
        home, temporal_server.address, temporal_server.ui_url, port
    ) | {"CHAINSAGA_TASK_QUEUE": TASK_QUEUE}
    with ExitStack() as parts:
        worker = parts.enter_context(product_process("worker", home, environment))
        api = parts.enter_context(product_process("api", home, environment))
        url = f"http://{HOST}:{port}"
        wait_until(lambda: _ready(url), READY_SECONDS, "the API", child=api)
        wait_until(lambda: _working(worker), READY_SECONDS, "the worker", child=worker)
        yield _place_order(url, temporal_server)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window. Raises ChromiumMissingError: no browser, no passed test."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=_chromium(), headless=True, args=BROWSER_FLAGS
        )
        yield chromium
        await chromium.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a fresh profile, of the size of the documentation's pictures."""
    context = await browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    yield await context.new_page()
    await context.close()


def _chromium() -> Path:
    found = find_chromium(os.environ) or install_chromium(os.environ)
    if found is None:
        raise ChromiumMissingError(
            "The browser tests need Chromium, and none was found. Install it (on Debian: "
            f"apt-get install chromium fonts-liberation), or set {CHROMIUM_VARIABLE} to a binary."
        )
    return found


def _place_order(url: str, server: DevServer) -> DeclinedOrder:
    body = {
        "chain": "placeOrder",
        "execution_id": EXECUTION,
        "business_key": "customer ada",
        "request": ORDER,
    }
    with httpx2.Client(
        base_url=url, headers={"X-Tenant-Id": TENANT}, timeout=60, trust_env=False
    ) as http:
        answered = http.post("/api/saga/execute", json=body)
        assert answered.json()["details"]["status"] == "COMPENSATED", answered.text
        view = http.get(f"/api/saga/executions/{EXECUTION}").json()
    ended = sorted(view["executionStack"], key=lambda entry: entry["ended"])
    done = tuple(entry["component"] for entry in ended if entry["status"] == "COMPENSATED")
    return DeclinedOrder(view["links"]["temporal_ui"], server.ui_url, done)


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready", timeout=5, trust_env=False).is_success
    except httpx2.TransportError:
        return False


def _working(worker: ChildProcess) -> bool:
    return "worker ready" in worker.log.read_text()
