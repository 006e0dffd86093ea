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
from temporalio.worker import PollerBehaviorAutoscaling, PollerBehaviorSimpleMaximum, Worker

from activities.chains import Chains
from activities.cluster import check_search_attributes, connect_when_up
from activities.errors import ActivityError
from activities.execute import component_activities, script_activity
from activities.logs import configure_logging
from activities.maintenance.jobs import Rules, Stores, job_activities
from activities.maintenance.schedules import keep_all
from activities.maintenance.timetable import timetable
from activities.maintenance.troubles import Limits
from activities.metrics_port import metrics_port
from activities.mirror.hot import hot_state
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.reconcile import reconcile
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry, discover
from activities.runner import Provider, Runner
from activities.scripts.engine import ScriptEngines
from activities.system import system_activities
from activities.undo_sub_runs import undo_activities
from rules.jobs import retention
from rules.source.choice import open_rules
from rules.source.engine import create_engine_for
from rules.source.lock import refresh_lock
from rules.source.metadata import MetadataRepository
from rules.source.metrics import rule_registry
from rules.source.news import RuleNews
from rules.source.poller import Poller
from rules.source.service import RuleSource
from rules.sub_runs import SUB_QUEUE
from settings import Settings, SettingsInvalid, load_settings
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

MIRROR_GRACE: Final = 10.0
CALLERS_GRACE: Final = timedelta(seconds=1)
"""How long waiting steps may go on at a stop: another worker's attempt waits on."""
SCAN_RETRY_SECONDS: Final = 5.0
SCHEDULES_RETRY_SECONDS: Final = 30.0
CATCH_UP_SECONDS: Final = 1.0
"""Between rounds of a reconcile that has more to do than one round may."""

log = structlog.get_logger("chainsaga.worker")


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set. Raises ActivityError when it never could."""
    registry = discover(settings.components)
    engine = create_engine_for(
        settings.database_url, "chainsaga-worker", log_sql=settings.rule_sql_log
    )
    engines = ScriptEngines(settings.script_limits, jvm=settings.jvm_worker)
    lock = refresh_lock(settings.lock_url, settings.application)
    rules = open_rules(settings.rule_options, engine, registry.policies, engines, lock)
    hot = hot_state(settings.redis_url, open_for=settings.hot_open, closed_for=settings.hot_closed)
    writer, reader = MirrorWriter(engine, hot), MirrorReader(engine, hot)
    with ThreadPoolExecutor(settings.worker_threads, "component") as executor:
        runner = Runner(Provider(), executor, engines)
        plugin = saga_plugin(
            [
                *component_activities(
                    registry, runner, Chains(rules, writer, reader, start_attributes)
                ),
                script_activity(runner),
                *undo_activities(),
                *system_activities(rules, writer),
                *job_activities(Stores(engine, reader, writer, hot), job_rules(settings)),
            ],
            [MirrorInterceptor(writer)],
        )
        client = await connect_when_up([plugin], stop)
        if client is None:
            return
        await check_search_attributes(client)
        async with (
            _background(settings, engine, rules, writer, registry),
            _scheduling(settings, client) as scheduled,
            _reconciling(settings, client, engine, reader, writer, scheduled=scheduled),
            saga_worker(client, settings, executor),
            callers_worker(client, settings),
        ):
            log.info("worker ready", queue=settings.task_queue, namespace=client.namespace)
            await stop.wait()
            log.info("worker stopping", grace_seconds=settings.shutdown_grace)
    await asyncio.to_thread(engines.close)
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


def callers_worker(client: Client, settings: Settings) -> Worker:
    """One for the steps that wait for chains they run, which are many and do little."""
    return Worker(
        client,
        task_queue=f"{settings.task_queue}{SUB_QUEUE}",
        max_concurrent_activities=settings.caller_slots,
        # No workflow ever comes here.
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(2),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=CALLERS_GRACE,
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
    poller = Poller(rules, settings.polling)
    poller.start()
    news = RuleNews(rules, settings.application, "worker", settings.polling, settings.redis_url)
    news.start()
    scanning = asyncio.create_task(_scan(engine, settings.application, registry))
    host, port = settings.worker_metrics_host, settings.worker_metrics_port
    try:
        with metrics_port(host, port, rule_registry(lambda: rules.status)):
            yield
    finally:
        scanning.cancel()
        # First: it ends the waiting of others for their turn.
        await asyncio.to_thread(poller.stop)
        await asyncio.to_thread(news.stop)
        await asyncio.to_thread(writer.close, MIRROR_GRACE)


def job_rules(settings: Settings) -> Rules:
    """What the scheduled jobs go by."""
    limits = Limits(
        retries=settings.compensation_retries,
        retry_wait=timedelta(seconds=settings.compensation_retry_wait),
        before_deadline=timedelta(seconds=settings.alert_before_deadline),
    )
    return Rules(retention(settings.keep_history), limits, settings.alert_webhook)


@asynccontextmanager
async def _scheduling(settings: Settings, client: Client) -> AsyncIterator[asyncio.Event]:
    """Keeps the jobs' schedules as the settings want them; yields what is set once they are."""
    done = asyncio.Event()
    rules = job_rules(settings)
    jobs = timetable(
        clean_hot_every=settings.clean_hot_every,
        clean_history_every=settings.clean_history_every,
        clean_history_limit=settings.clean_history_limit,
        keep=rules.keep,
        alert_every=settings.alert_every,
        limits=rules.limits,
        reconcile_every=settings.reconcile_every,
    )

    async def keep_trying() -> None:
        while not done.is_set():
            try:
                await keep_all(client, settings.task_queue, jobs)
                done.set()
            except RPCError as error:
                log.error(
                    "the schedules could not be kept; this worker compares the mirror itself",
                    again_in_seconds=SCHEDULES_RETRY_SECONDS,
                    why=str(error)[:300],
                )
                await asyncio.sleep(SCHEDULES_RETRY_SECONDS)

    keeping = asyncio.create_task(keep_trying()) if settings.schedules else None
    try:
        yield done
    finally:
        if keeping is not None:
            keeping.cancel()


@asynccontextmanager
async def _reconciling(
    settings: Settings,
    client: Client,
    engine: Engine,
    reader: MirrorReader,
    writer: MirrorWriter,
    *,
    scheduled: asyncio.Event,
) -> AsyncIterator[None]:
    """Compares the mirror with Temporal beside the work, until the schedule does."""

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
                elif scheduled.is_set():
                    return
            await asyncio.sleep(pause)

    comparing = asyncio.create_task(keep_comparing())
    try:
        yield
    finally:
        comparing.cancel()


async def _scan(engine: Engine, application: str, registry: Registry) -> None:
    """Write what the components declare, as soon as the database takes it."""
    repository = MetadataRepository(engine, application)
    while True:
        try:
            await asyncio.to_thread(repository.scan, registry.policies, registry.inferred)
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
