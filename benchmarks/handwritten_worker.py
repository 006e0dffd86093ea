"""The baseline's worker: the same options, converter, sandbox and activities, and no mirror."""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import structlog
import uvloop
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin

from activities.cluster import connect
from activities.execute import component_activities
from activities.registry import discover
from activities.runner import Provider, Runner
from benchmarks.handwritten import Handwritten
from settings import Settings
from worker import saga_worker
from workflows.sandbox import sandboxed_runner

log = structlog.get_logger("benchmarks.handwritten")


async def serve(settings: Settings) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with ThreadPoolExecutor(settings.worker_threads) as executor:
        runner = Runner(Provider(), executor)
        plugin = SimplePlugin(
            "handwritten",
            data_converter=pydantic_data_converter,
            workflows=[Handwritten],
            workflow_runner=sandboxed_runner(),
            activities=list(component_activities(discover(settings.components), runner)),
        )
        client = await connect([plugin])
        async with saga_worker(client, settings, executor):
            log.info("worker ready")
            await stop.wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(serve(Settings())))
