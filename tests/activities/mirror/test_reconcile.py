"""The reconcile against a real Temporal server: lost endings, aborted sagas, bounded rounds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import temporalio.api.workflowservice.v1 as service
from sqlalchemy import Engine
from structlog.testing import capture_logs
from temporalio.api.common.v1 import WorkflowExecution as Execution_
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import TypedSearchAttributes
from temporalio.worker import Worker

from activities.execute import component_activities
from activities.mirror import watermark
from activities.mirror.hot import HotState
from activities.mirror.interceptor import MirrorInterceptor
from activities.mirror.reader import MirrorReader
from activities.mirror.reconcile import CLOSED_MARK, Reconciled, reconcile
from activities.mirror.writer import MirrorWriter
from activities.registry import Registry, discover
from activities.runner import Provider, Runner
from activities.system import system_activities
from dev.temporal_server import DevServer
from rules.decisions import Waiting
from rules.execution import EntryStatus, Execution, Status
from rules.source.engine import create_engine_for
from rules.source.freeze import freeze
from rules.source.repository import ChainRow
from rules.source.service import RuleSource
from rules.source.snapshot import Snapshot
from rules.wire import EXECUTION_QUERY, ChainInput, MirrorChange, SagaResult
from tests.activities.mirror.stores import Stores
from tests.activities.mirror.test_late_writes import RETRY
from workflows.plugin import saga_plugin
from workflows.temporal import start_attributes

LIMIT = 30.0
TENANT = "acme"
CHAINS = {
    "note": "THEN(takeNote);",
    "refused": "THEN(takeNote, refuseNote);",
    "waiting": "THEN(takeNote, waitLong);",
}
pytestmark = pytest.mark.parametrize("store", ["mariadb"], indirect=True)

Handle = WorkflowHandle[object, SagaResult]


@dataclass
class Site:
    """A worker whose mirror is lost, and beside it the mirror that is to be repaired."""

    client: Client
    engine: Engine
    reader: MirrorReader
    writer: MirrorWriter
    registry: Registry
    queue: str = field(default_factory=lambda: f"reconcile-{uuid4().hex[:8]}")

    async def start(self, chain: str, **options: Any) -> Handle:
        rows = [ChainRow(tenant=TENANT, name=name, text=text) for name, text in CHAINS.items()]
        frost = freeze(Snapshot(rows, self.registry.policies), TENANT, chain, {"why": "test"})
        return await self.client.start_workflow(
            chain,
            ChainInput(frost=frost),
            id=f"{TENANT}:{uuid4().hex}",
            task_queue=self.queue,
            search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
            result_type=SagaResult,
            **options,
        )

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with Worker(self.client, task_queue=self.queue):
            yield

    async def round(self, **options: Any) -> Reconciled:
        given = {"settle": timedelta(0), **options}
        return await reconcile(
            self.client, self.engine, self.reader, self.writer, task_queue=self.queue, **given
        )

    async def listed(self, query: str, number: int) -> None:
        """Wait until Temporal's lists show so many of ours."""
        deadline = monotonic() + LIMIT
        ours = f"TaskQueue = '{self.queue}' AND {query}"
        while (await self.client.count_workflows(ours)).count < number:
            assert monotonic() < deadline, query
            await asyncio.sleep(0.02)

    def mirrored(self, handle: Handle) -> Execution | None:
        return self.reader.get(TENANT, handle.id.partition(":")[2])


@pytest.fixture
def lost(stores: Stores, tmp_path: Path) -> Iterator[MirrorWriter]:
    """The worker's own writer: what it is told goes elsewhere, as if it had died with it."""
    with stores.migrated("sqlite", tmp_path) as url:
        engine = create_engine_for(url, "tests")
        writer = MirrorWriter(engine)
        yield writer
        writer.close(LIMIT)
        engine.dispose()


@pytest.fixture
def down(tmp_path: Path) -> Iterator[MirrorWriter]:
    """A writer whose database does not answer."""
    engine = create_engine_for(f"sqlite:///{tmp_path}/no/mirror.db", "tests")
    with capture_logs():
        writer = MirrorWriter(engine)
        yield writer
        writer.close(0)
    engine.dispose()


@pytest_asyncio.fixture
async def site(
    temporal_server: DevServer,
    stores: Stores,
    engine: Engine,
    lost: MirrorWriter,
) -> AsyncIterator[Site]:
    registry = discover(["tests.activities.mirror.notes"])
    rules = RuleSource(engine, "tests", "default", registry.policies)
    runner = Runner(Provider(), None)
    plugin = saga_plugin(
        [*component_activities(registry, runner), *system_activities(rules, lost)],
        [MirrorInterceptor(lost)],
    )
    client = await Client.connect(temporal_server.address, plugins=[plugin])
    hot = HotState(stores.redis.url)
    writer = MirrorWriter(engine, hot)
    yield Site(client, engine, MirrorReader(engine, hot), writer, registry)
    writer.close(LIMIT)
    hot.close()


async def ended(handle: Handle) -> None:
    with suppress(WorkflowFailureError):
        await handle.result()


async def reached(handle: Handle, component: str) -> None:
    """Wait until the step of that component runs."""
    deadline = monotonic() + LIMIT
    while True:
        told = await handle.query(EXECUTION_QUERY, result_type=Execution)
        if any(entry.component == component for entry in told.stack):
            return
        assert monotonic() < deadline, component
        await asyncio.sleep(0.02)


async def test_lost_endings_are_written_once(site: Site) -> None:
    async with site.worker():
        handles = [await site.start(chain) for chain in ("note", "refused", "note")]
        await asyncio.gather(*map(ended, handles))
        await site.listed("CloseTime IS NOT NULL", 3)
        first = await site.round()
        assert first == Reconciled(checked=3, repaired=3, aborted=0, caught_up=True)
        for handle, status in zip(handles, ("COMPLETED", "COMPENSATED", "COMPLETED"), strict=True):
            own = await handle.query(EXECUTION_QUERY, result_type=Execution)
            found = site.mirrored(handle)
            assert found is not None
            assert found.status.value == status
            assert found.model_copy(update={"changed_at": own.changed_at}) == own
        assert (await site.round()).repaired == 0


async def test_without_a_worker_the_result_is_enough(site: Site) -> None:
    async with site.worker():
        handles = [await site.start(chain) for chain in ("note", "refused")]
        await asyncio.gather(*map(ended, handles))
    await site.listed("CloseTime IS NOT NULL", 2)
    done = await site.round()
    assert (done.repaired, done.aborted) == (2, 0)
    completed, compensated = (site.mirrored(handle) for handle in handles)
    assert completed is not None
    assert compensated is not None
    assert (completed.status, completed.chain) == (Status.COMPLETED, "note")
    assert (compensated.status, compensated.failed_step) == (Status.COMPENSATED, "refuseNote")
    assert compensated.ended_at is not None
    # The workflow's own word comes late, and still wins: it knows the entries.
    async with site.worker():
        own = await handles[1].query(EXECUTION_QUERY, result_type=Execution)
        site.writer.put(MirrorChange(execution=own))
        assert site.writer.flush(LIMIT)
    told = site.mirrored(handles[1])
    assert told is not None
    assert [entry.status for entry in told.stack] == [entry.status for entry in own.stack]
    assert told.request_sha == own.request_sha


async def test_a_terminated_saga_is_aborted_with_its_entries(site: Site) -> None:
    async with site.worker():
        handle = await site.start("waiting")
        await reached(handle, "waitLong")
        await handle.terminate(reason="by mistake")
        await site.listed("ExecutionStatus = 'Terminated'", 1)
        with capture_logs() as logs:
            rounds = await asyncio.gather(site.round(), site.round())
        assert {done.aborted for done in rounds} <= {0, 1}
        assert sum(done.aborted for done in rounds) >= 1
        alerts = [line for line in logs if line["event"] == "saga_aborted"]
        assert alerts[0]["log_level"] == "error"
        assert alerts[0]["left_behind"] == ["takeNote", "waitLong"]
        assert "by mistake" in alerts[0]["why"]
        found = site.mirrored(handle)
        assert found is not None
        assert (found.status, found.chain) == (Status.ABORTED, "waiting")
        assert found.error is not None
        assert (found.error.code, found.error.type) == ("ABORTED", "TERMINATED")
        assert [entry.status for entry in found.stack] == [
            EntryStatus.COMPLETED,
            EntryStatus.RUNNING,
        ]
        with capture_logs() as logs:
            assert (await site.round()).repaired == 0
        assert logs == []


async def test_without_a_worker_the_mirrors_own_entries_stay(site: Site) -> None:
    async with site.worker():
        handle = await site.start("waiting")
        await reached(handle, "waitLong")
        known = await handle.query(EXECUTION_QUERY, result_type=Execution)
        asked = Waiting(path="0.1", component="waitLong", since=known.started_at)
        known = known.model_copy(update={"waiting": (asked,), "decisions": (RETRY,)})
        site.writer.put(MirrorChange(execution=known))
        assert site.writer.flush(LIMIT)
    await handle.terminate()
    await site.listed("ExecutionStatus = 'Terminated'", 1)
    with capture_logs() as logs:
        done = await site.round()
    assert (done.repaired, done.aborted, len(logs)) == (1, 1, 1)
    found = site.mirrored(handle)
    assert found is not None
    assert found.status is Status.ABORTED
    assert [entry.component for entry in found.stack] == ["takeNote", "waitLong"]
    assert found.request == {"why": "test"}
    assert (found.waiting, found.decisions) == ((), (RETRY,)), "nobody can decide any more"


async def test_a_saga_that_the_server_timed_out_is_aborted(site: Site) -> None:
    handle = await site.start("note", execution_timeout=timedelta(seconds=1))
    await site.listed("ExecutionStatus = 'TimedOut'", 1)
    with capture_logs():
        done = await site.round()
    assert done.aborted == 1
    found = site.mirrored(handle)
    assert found is not None
    assert found.error is not None
    assert (found.status, found.error.type) == (Status.ABORTED, "TIMED_OUT")
    assert found.stack == ()


async def test_open_sagas_are_compared_too(site: Site) -> None:
    async with site.worker():
        handles = [await site.start("waiting") for _ in range(5)]
        for handle in handles:
            await reached(handle, "waitLong")
        await site.listed("ExecutionStatus = 'Running'", 5)
        for _ in range(4):  # two at a time: the sweep goes on where it was
            await site.round(limit=2)
        for handle in handles:
            found = site.mirrored(handle)
            assert found is not None
            assert (found.status, len(found.stack)) == (Status.RUNNING, 2)
        assert (await site.round(limit=2)).repaired == 0
        for handle in handles:
            await handle.terminate()


async def test_a_reset_is_no_abort(site: Site) -> None:
    async with site.worker():
        handle = await site.start("waiting")
        await reached(handle, "waitLong")
        history = await handle.fetch_history()
        completed = next(
            e.event_id
            for e in history.events
            if e.HasField("workflow_task_completed_event_attributes")
        )
        await site.client.workflow_service.reset_workflow_execution(
            service.ResetWorkflowExecutionRequest(
                namespace=site.client.namespace,
                workflow_execution=Execution_(workflow_id=handle.id),
                reason="test",
                workflow_task_finish_event_id=completed,
                request_id=uuid4().hex,
            )
        )
        await site.listed("ExecutionStatus = 'Terminated'", 1)
        await site.listed("ExecutionStatus = 'Running'", 1)
        with capture_logs() as logs:
            assert (await site.round()).aborted == 0
        assert logs == []
        latest: Handle = site.client.get_workflow_handle(handle.id)
        await latest.terminate()


async def test_rounds_are_bounded_and_go_on(site: Site) -> None:
    async with site.worker():
        handles = []
        for _ in range(7):
            handles.append(await site.start("note"))
            await handles[-1].result()
        await site.listed("CloseTime IS NOT NULL", 7)
        rounds = [await site.round(limit=3, lookback=timedelta(minutes=1))]
        while not rounds[-1].caught_up:
            rounds.append(await site.round(limit=3))
        assert len(rounds) > 2
        assert all(done.checked <= 9 for done in rounds)
        assert sum(done.repaired for done in rounds) == 7
        assert all(site.mirrored(handle) for handle in handles)
        mark = watermark.read(site.engine, CLOSED_MARK)
        assert mark is not None
        assert datetime.now(UTC) - mark < timedelta(minutes=1)


async def test_the_mark_stays_while_sql_does_not_take_the_repairs(
    site: Site, down: MirrorWriter
) -> None:
    async with site.worker():
        handle = await site.start("note")
        await handle.result()
        await site.listed("CloseTime IS NOT NULL", 1)
        lost_site = Site(site.client, site.engine, site.reader, down, site.registry, site.queue)
        done = await lost_site.round(flush_limit=0.2)
        assert (done.repaired, done.caught_up) == (1, False)
        assert watermark.read(site.engine, CLOSED_MARK) is None
        assert (await site.round()).repaired == 1
