"""The laboratory of `tests.workflows.lab`, open for the session."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.worker import Worker

from activities.components.shop import open_shop, prepare_shop, shop_engine
from activities.execute import component_activities
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.registry import discover
from activities.runner import Provider, Runner
from activities.system import system_activities
from dev.temporal_server import DevServer
from migrations.run import upgrade
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from tests.workflows.lab import QUEUE, TENANT, Lab
from tests.workflows.scenarios import CHAINS
from workflows.plugin import saga_plugin


@pytest_asyncio.fixture(scope="session")
async def lab(
    temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    engine = create_engine_for(f"sqlite:///{home}/chainsaga.db", "lab")
    upgrade(engine)
    repository = ChainRepository(engine, "lab", "default")
    for name, text in CHAINS.items():
        repository.save(ChainRow(tenant=TENANT, name=name, text=text))
    registry = discover(["activities.components"])
    rules = RuleSource(engine, "lab", "default", registry.policies)
    shop = shop_engine(f"sqlite:///{home}/shop.db")
    prepare_shop(shop)
    writer = MirrorWriter(engine)
    with ThreadPoolExecutor(64) as executor:
        runner = Runner(Provider({open_shop: shop}), executor)
        plugin = saga_plugin(
            [*component_activities(registry, runner), *system_activities(rules, writer)],
            [MirrorInterceptor(writer)],
        )
        client = await Client.connect(temporal_server.address, plugins=[plugin])
        async with Worker(client, task_queue=QUEUE, activity_executor=executor):
            yield Lab(client, rules, registry, runner, shop, writer, MirrorReader(engine))
    assert writer.close(10)
    shop.dispose()
    engine.dispose()
