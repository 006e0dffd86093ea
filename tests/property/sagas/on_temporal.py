"""A random saga on a real Temporal server, with a real worker and the mirror."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.execute import component_activities
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from activities.runner import Provider, Runner
from activities.system import system_activities
from migrations.run import upgrade
from rules.execution import Execution
from rules.source.engine import create_engine_for
from rules.source.service import RuleSource
from rules.wire import EXECUTION_QUERY, ChainInput, SagaResult
from tests.property.sagas.cases import REGISTRY, Act, RandomSaga
from tests.property.sagas.duty import Duty, Signal, signal_of
from tests.property.sagas.ledger import LEDGERS, Ledger
from tests.property.sagas.promises import Ended
from tests.workflows.lab import ending
from tests.workflows.replaying import replay_all
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

TENANT: Final = "acme"
QUEUE: Final = "random-sagas"
LOOK: Final = 0.25
LIMIT: Final = 100.0

Handle = WorkflowHandle[object, SagaResult]


@dataclass(frozen=True, slots=True)
class Site:
    """A worker with the components of the random sagas, and its mirror."""

    client: Client
    writer: MirrorWriter
    reader: MirrorReader

    async def run(self, case: RandomSaga) -> Ended:
        """Run a saga to its end, then replay it. Raises TimeoutError when it comes to none."""
        id = f"random-{case.seed}-{uuid4().hex[:8]}"
        ledger = LEDGERS[id] = Ledger(case.script)
        frost = case.frost
        handle: Handle = await self.client.start_workflow(
            frost.plan.chain,
            ChainInput(frost=frost),
            id=f"{TENANT}:{id}",
            task_queue=QUEUE,
            search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
            result_type=SagaResult,
        )
        beside = [asyncio.create_task(_watch(handle, case))]
        beside += [asyncio.create_task(_act(handle, act)) for act in case.acts]
        try:
            async with asyncio.timeout(LIMIT):
                await ending(handle)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        assert await asyncio.to_thread(self.writer.flush, 20)
        mirrored = await asyncio.to_thread(self.reader.get, TENANT, id)
        await replay_all(self.client, handle.id)
        async with asyncio.timeout(LIMIT):
            return Ended(case, await _closed(handle), ledger, mirrored)


async def _execution(handle: Handle) -> Execution:
    found: Execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    return found


async def _closed(handle: Handle) -> Execution:
    """The execution once its workflow has ended; a busy machine may be late with the answer."""
    while True:
        with suppress(RPCError, WorkflowQueryFailedError):
            return await _execution(handle)
        await asyncio.sleep(LOOK)


async def _watch(handle: Handle, case: RandomSaga) -> None:
    duty = Duty(case)
    while True:
        await asyncio.sleep(LOOK)
        # A busy machine may be too late with an answer, and the saga may have ended.
        with suppress(RPCError, WorkflowQueryFailedError):
            execution = await _execution(handle)
            for signal in duty.look(execution.waiting, datetime.now(UTC)):
                await _send(handle, signal)


async def _act(handle: Handle, act: Act) -> None:
    await asyncio.sleep(act.at)
    with suppress(RPCError):  # it may have ended
        if act.kind == "cancel":
            await handle.cancel()
        else:
            await _send(handle, signal_of(act))


async def _send(handle: Handle, signal: Signal) -> None:
    await handle.signal(signal.kind, signal.payload)


@asynccontextmanager
async def open_site(address: str, home: Path) -> AsyncIterator[Site]:
    """A site on the Temporal server at `address`, with its database in `home`."""
    engine = create_engine_for(f"sqlite:///{home}/sagas.db", "sagas")
    upgrade(engine)
    writer = MirrorWriter(engine)
    rules = RuleSource(engine, "sagas", "default", REGISTRY.policies)
    with ThreadPoolExecutor(8) as executor:
        plugin = saga_plugin(
            [
                *component_activities(REGISTRY, Runner(Provider(), executor)),
                *system_activities(rules, writer),
            ],
            [MirrorInterceptor(writer)],
        )
        client = await Client.connect(address, plugins=[plugin])
        async with Worker(client, task_queue=QUEUE, activity_executor=executor):
            yield Site(client, writer, MirrorReader(engine))
    assert writer.close(10)
    engine.dispose()
