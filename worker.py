"""The worker process: composition root of workflows, components, rules and mirror.

Run by `chainsaga worker` or `python worker.py`. It polls one Temporal task queue until it is told
to stop, then lets running steps end.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
import uvloop
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.cluster import check_search_attributes, connect_when_up
from activities.errors import ActivityError
from activities.execute import component_activities
from activities.logs import configure_logging
from activities.mirror import metadata
from activities.mirror.hot import hot_state
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.reconcile import reconcile
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry, discover
from activities.runner import Provider, Runner
from activities.system import system_activities
from rules.source.engine import create_engine_for
from rules.source.service import RuleSource
from settings import Settings, SettingsInvalid, load_settings
from workflows.plugin import saga_plugin

MIRROR_GRACE: Final = 10.0
SCAN_RETRY_SECONDS: Final = 5.0
CATCH_UP_SECONDS: Final = 1.0
"""Between rounds of a reconcile that has more to do than one round may."""

log = structlog.get_logger("chainsaga.worker")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set. Raises ActivityError when it never could."""
    registry = discover(settings.components)
    engine = create_engine_for(settings.database_url, "chainsaga-worker")
    rules = RuleSource(engine, settings.application, settings.rule_namespace, registry.policies)
    hot = hot_state(settings.redis_url, open_for=settings.hot_open, closed_for=settings.hot_closed)
    writer, reader = MirrorWriter(engine, hot), MirrorReader(engine, hot)
    with ThreadPoolExecutor(settings.worker_threads, "component") as executor:
        runner = Runner(Provider(), executor)
        plugin = saga_plugin(
            [*component_activities(registry, runner), *system_activities(rules, writer)],
            [MirrorInterceptor(writer)],
        )
        client = await connect_when_up([plugin], stop)
        if client is None:
            return
        await check_search_attributes(client)
        async with (
            _background(settings, engine, rules, writer, registry),
            _reconciling(settings, client, engine, reader, writer),
            saga_worker(client, settings, executor),
        ):
            log.info("worker ready", queue=settings.task_queue, namespace=client.namespace)
            await stop.wait()
            log.info("worker stopping", grace_seconds=settings.shutdown_grace)
    if hot is not None:
        hot.close()
    engine.dispose()


def saga_worker(client: Client, settings: Settings, executor: ThreadPoolExecutor) -> Worker:
    """Temporal's worker as sagas want it; what it runs comes with the client's plugin."""
    return Worker(
        client,
        task_queue=settings.task_queue,
        activity_executor=executor,
        graceful_shutdown_timeout=timedelta(seconds=settings.shutdown_grace),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_eager_activity_reservations_per_workflow_task=10,
    )


@asynccontextmanager
async def _background(
    settings: Settings,
    engine: Engine,
    rules: RuleSource,
    writer: MirrorWriter,
    registry: Registry,
) -> AsyncIterator[None]:
    """What goes on beside the work; a database that is down holds none of it up."""
    refreshing = asyncio.create_task(_keep_reading(rules, settings.rule_refresh))
    scanning = asyncio.create_task(_scan(engine, settings.application, registry))
    try:
        yield
    finally:
        refreshing.cancel()
        scanning.cancel()
        await asyncio.to_thread(writer.close, MIRROR_GRACE)


@asynccontextmanager
async def _reconciling(
    settings: Settings, client: Client, engine: Engine, reader: MirrorReader, writer: MirrorWriter
) -> AsyncIterator[None]:
    """Compares the mirror with Temporal beside the work, at once and again and again."""

    async def keep_comparing() -> None:
        while True:
            pause = settings.reconcile_every
            try:
                done = await reconcile(
                    client, engine, reader, writer, task_queue=settings.task_queue
                )
            except (RPCError, SQLAlchemyError) as error:
                log.error(
                    "the mirror was not compared with Temporal",
                    again_in_seconds=pause,
                    why=str(error)[:300],
                )
            # Reason: whatever a round meets, the next ones must come.
            except Exception:
                log.exception("the reconcile failed", again_in_seconds=pause)
            else:
                if done.repaired:
                    log.info("mirror repaired", executions=done.repaired, aborted=done.aborted)
                if not done.caught_up:
                    pause = CATCH_UP_SECONDS
            await asyncio.sleep(pause)

    comparing = asyncio.create_task(keep_comparing())
    try:
        yield
    finally:
        comparing.cancel()


async def _keep_reading(rules: RuleSource, every: float) -> None:
    while True:
        await asyncio.to_thread(rules.refresh)
        await asyncio.sleep(every)


async def _scan(engine: Engine, application: str, registry: Registry) -> None:
    """Write what the components declare, as soon as the database takes it."""
    policies = registry.policies.values()
    while True:
        try:
            await asyncio.to_thread(metadata.scan, engine, application, policies)
        except SQLAlchemyError as error:
            log.error(
                "the database does not take the components' metadata; are its tables there? "
                "(chainsaga migrate)",
                again_in_seconds=SCAN_RETRY_SECONDS,
                why=str(error)[:300],
            )
            await asyncio.sleep(SCAN_RETRY_SECONDS)
        else:
            return


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    await serve(settings, stop)


def main() -> int:
    """Run the process; 0 after a stop, 1 when it cannot run."""
    try:
        settings = load_settings()
        configure_logging(as_json=settings.log_json)
        uvloop.run(_main(settings))
    except (ActivityError, SettingsInvalid) as error:
        log.error("worker cannot run", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
