"""The API process: composition root of routers, rules, mirror and Temporal's client.

Run by `chainsaga api`, or by any ASGI server as `api.app:app_from_settings` (a factory).
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI

from activities.cluster import connect
from activities.logs import configure_logging
from activities.mirror.hot import hot_state
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry, discover
from activities.runner import Provider, Runner
from activities.scripts.compiling import JvmCompiler
from activities.scripts.engine import ScriptEngines
from api.config.service import FlowConfigService
from api.handlers import install
from api.links import LinkMaker
from api.routers import (
    components,
    config_chains,
    config_components,
    config_rules,
    decisions,
    execute,
    health,
    metrics,
    routes,
    sagas,
)
from api.sagas import Sagas
from api.services import ApiServices
from rules.config.script_texts import checked_by, prepared_by
from rules.source.choice import DATABASE, open_rules
from rules.source.engine import create_engine_for
from rules.source.lock import refresh_lock
from rules.source.metadata import MetadataRepository
from rules.source.news import RuleNews
from rules.source.poller import Poller
from settings import Settings, load_settings
from workflows.plugin import saga_plugin

log = structlog.get_logger("chainsaga.api")

DESCRIPTION = """
LiteFlow chains as sagas on Temporal. Start a chain, look at its steps, see what would be undone.

**This API has no login yet.** It binds to 127.0.0.1 unless told otherwise; whoever reaches it may
act as any tenant.
"""


def create_app(settings: Settings) -> FastAPI:
    """The application; what is behind it is opened when it starts and closed when it stops.

    Raises ActivityError when its components cannot be loaded.
    """
    registry = discover(settings.components)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _services(settings, registry) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="chainsaga", version="0.1.0", description=DESCRIPTION.strip(), lifespan=lifespan
    )
    app.state.default_tenant = settings.default_tenant
    install(app)
    # `/api/execute/route` before `/api/execute/{chain}`.
    configuration = (config_chains, config_components, config_rules)
    routers = (sagas, decisions, routes, execute, components, *configuration, health, metrics)
    for module in routers:
        app.include_router(module.router)
    return app


def app_from_settings() -> FastAPI:
    """The application by the environment's settings. Raises SettingsInvalid, ActivityError."""
    settings = load_settings()
    configure_logging(as_json=settings.log_json)
    return create_app(settings)


@asynccontextmanager
async def _services(settings: Settings, registry: Registry) -> AsyncIterator[ApiServices]:
    engine = create_engine_for(
        settings.database_url, "chainsaga-api", log_sql=settings.rule_sql_log
    )
    client = await connect([saga_plugin()], lazy=True)
    compiler = JvmCompiler(client, settings.task_queue, asyncio.get_running_loop())
    engines = ScriptEngines(settings.script_limits, jvm=settings.jvm_worker, compiler=compiler)
    lock = refresh_lock(settings.lock_url, settings.application)
    rules = open_rules(settings.rule_options, engine, registry.policies, engines, lock)
    hot = hot_state(settings.redis_url, open_for=settings.hot_open, closed_for=settings.hot_closed)
    writer = MirrorWriter(engine, hot)
    reader = MirrorReader(engine, hot)
    poller = Poller(rules, settings.polling)
    poller.start()
    news = RuleNews(rules, settings.application, "api", settings.polling, settings.redis_url)
    news.start()
    with ThreadPoolExecutor(settings.worker_threads, "component") as executor:
        try:
            yield ApiServices(
                sagas=Sagas(
                    client, rules, reader, writer, settings.task_queue, settings.max_events
                ),
                reader=reader,
                writer=writer,
                hot=hot,
                rules=rules,
                metadata=MetadataRepository(engine, settings.application),
                components=registry,
                runner=Runner(Provider(), executor, engines),
                links=LinkMaker(settings.ui_url.rstrip("/"), client.namespace),
                config=FlowConfigService(
                    engine,
                    settings.application,
                    rules,
                    registry.policies,
                    news,
                    read_only=_read_only(settings),
                    script_check=checked_by(engines),
                    script_prepare=prepared_by(engines),
                ),
            )
        finally:
            # First: it ends the waiting of others for their turn.
            await asyncio.to_thread(poller.stop)
            await asyncio.to_thread(news.stop)
            await asyncio.to_thread(writer.close, 5.0)
            await asyncio.to_thread(engines.close)
            if hot is not None:
                hot.close()
            engine.dispose()


def _read_only(settings: Settings) -> str | None:
    """Where the rules are, if that is no place that this API can write to."""
    if settings.rule_source != DATABASE:
        return "files"
    return None if settings.rule_names.usual else "tables or SQL that this deployment names"
