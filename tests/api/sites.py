"""The product as the API's tests run it: databases in a folder, the API, a worker."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import Pool, event, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.components.shop import SHOP_URL, prepare_shop, shop_engine, stock
from api.app import create_app
from dev.processes import ChildProcess
from dev.samples import CHAINS
from dev.stack import product_environment, product_process
from migrations.run import upgrade
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from settings import Settings
from tests.api.waiting import until
from worker import serve

TENANTS: Final = ("1", "acme", "umbrella", "ledger", "pages")
COMPONENTS: Final = "activities.components,tests.api.gates"

# Beside the samples; the last four cannot be executed.
CHAINS_OF_TESTS: Final = (
    ChainRow(tenant="", name="gated", text="THEN(createOrder, gate, pay);"),
    ChainRow(tenant="", name="threaded", text="THEN(threadGate);"),
    ChainRow(tenant="", name="free", text="THEN(createOrder, pay);", transactional=False),
    ChainRow(tenant="", name="switchedOff", text="THEN(notify);", enabled=False),
    ChainRow(tenant="", name="draft", text="THEN(notify);", status="DRAFT"),
    ChainRow(tenant="", name="unsound", text="THEN(createOrder,\n  WHEN(pay notify);"),
    ChainRow(tenant="", name="incomplete", text="THEN(createOrder, payy);"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Databases with chains and goods, and the settings of processes that use them."""

    home: Path
    settings: Settings
    temporal: str

    @property
    def shop_url(self) -> str:
        """The sample shop's database."""
        return f"sqlite:///{self.home}/shop.db"

    def environment(self, **more: str) -> dict[str, str]:
        """The settings for a process of its own."""
        settings = self.settings
        return {
            **product_environment(self.home, self.temporal, settings.ui_url, settings.api_port),
            "CHAINSAGA_DATABASE_URL": settings.database_url,
            "CHAINSAGA_COMPONENTS": ",".join(settings.components),
            "CHAINSAGA_TASK_QUEUE": settings.task_queue,
            **more,
        }


def new_place(home: Path, temporal: str, *, components: str = COMPONENTS, **settings: Any) -> Place:
    """A place below `home`, on a task queue of its own."""
    database = f"sqlite:///{home}/rules/chainsaga.db"
    (home / "rules").mkdir(parents=True)
    upgrade(database)
    given = Settings(
        database_url=database,
        components=components,  # type: ignore[arg-type] # split by the settings
        task_queue=f"queue-{uuid4().hex}",
        **settings,
    )
    load(given, [ChainRow(tenant="", name=f.stem, text=f.read_text()) for f in CHAINS.glob("*.el")])
    load(given, CHAINS_OF_TESTS)
    place = Place(home, given, temporal)
    shop = shop_engine(place.shop_url)
    prepare_shop(shop)
    with shop.begin() as connection:
        connection.execute(update(stock).values(available=100_000))
    shop.dispose()
    return place


def load(
    settings: Settings,
    chains: list[ChainRow] | tuple[ChainRow, ...],
    *,
    namespace: str | None = None,
    tenants: Sequence[str] = TENANTS,
) -> None:
    """Save chains for every tenant of the tests."""
    engine = create_engine_for(settings.database_url, "tests")
    repository = ChainRepository(engine, settings.application, namespace or settings.rule_namespace)
    for tenant in tenants:
        for chain in chains:
            repository.save(replace(chain, tenant=tenant))
    engine.dispose()


@contextmanager
def environment_of(place: Place) -> Iterator[None]:
    """What is read from the environment by everything in this process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith(("TEMPORAL_", "CHAINSAGA_"))]:
            patch.delenv(name)
        patch.setenv("TEMPORAL_ADDRESS", place.temporal)
        patch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)
        patch.setenv(SHOP_URL, place.shop_url)
        yield


@contextmanager
def taken_away(place: Place) -> Iterator[None]:
    """The database's folder is moved away, and put back at the end.

    SQLite would go on in a file that is open already. A server that is gone breaks its open
    connections, so these are broken here when they are next used.
    """
    folder = place.home / "rules"

    def broken(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA database_list")
        file = Path(str(cursor.fetchall()[0][2]))
        cursor.close()
        if file.parent == folder and not folder.exists():
            raise DisconnectionError("taken away by a test")

    event.listen(Pool, "checkout", broken)
    folder.rename(place.home / "away")
    try:
        yield
    finally:
        (place.home / "away").rename(folder)
        event.remove(Pool, "checkout", broken)


class Api:
    """An HTTP client of one API."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def execute(
        self, chain: str, request: object = None, tenant: str = "1", **more: object
    ) -> httpx2.Response:
        """POST /api/saga/execute."""
        return await self.http.post(
            "/api/saga/execute",
            json={"chain": chain, "request": request, **more},
            headers={"X-Tenant-Id": tenant},
        )

    async def get(self, path: str, tenant: str = "1", **query: str) -> httpx2.Response:
        """GET anything."""
        return await self.http.get(path, headers={"X-Tenant-Id": tenant}, params=query or None)

    async def json(self, path: str, tenant: str = "1", **query: str) -> Any:
        """GET what must be there."""
        answer = await self.get(path, tenant, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def view(self, id: str, tenant: str = "1", **query: str) -> Any:
        """The detail of an execution that must be there."""
        return await self.json(f"/api/saga/executions/{id}", tenant, **query)

    async def ended(self, id: str, tenant: str = "1", limit: float = 15) -> Any:
        """The detail of an execution as soon as it tells of an end."""

        async def look() -> Any:
            view = await self.view(id, tenant)
            return view if view["ended_at"] else None

        return await until(look, limit, f"the end of {id}")


@asynccontextmanager
async def open_api(settings: Settings) -> AsyncIterator[Api]:
    """The real application with its real lifespan; only the socket is left out."""
    app = create_app(settings)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://api", timeout=70) as http,
    ):
        yield Api(http)


@asynccontextmanager
async def open_worker(settings: Settings) -> AsyncIterator[None]:
    """The real worker, in this process."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await serving


@contextmanager
def process(
    place: Place, command: str, log: str | None = None, **environment: str
) -> Iterator[ChildProcess]:
    """`chainsaga COMMAND` as a process of its own."""
    with product_process(command, place.home, place.environment(**environment), log) as child:
        yield child


async def client_of(address: str) -> Client:
    """A client that reads what the product writes."""
    return await Client.connect(address, data_converter=pydantic_data_converter)


def only(found: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some fields, to compare them in one go."""
    return {name: found[name] for name in names}


BOOK: dict[str, Any] = {"item": "book", "price": 700}
DECLINED: dict[str, Any] = {**BOOK, "card": "declined"}


async def runs(temporal: Client, id: str, tenant: str = "1") -> int:
    """How many workflows there ever were under an id."""
    return len([w async for w in temporal.list_workflows(f"WorkflowId = '{tenant}:{id}'")])
