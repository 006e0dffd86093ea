"""A yard: the real worker process's composition in this process, on databases of its own.

For the tests of the schedules. Sagas are scripted (`tests.workflows.acting`); an undo has one
attempt, so that it blocks at once.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from temporalio.client import Client, ScheduleHandle, ScheduleInfo, WorkflowHandle
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from activities.maintenance.schedules import schedule_id
from activities.mirror.batch import Batch
from activities.mirror.changes import Change
from activities.mirror.reader import MirrorReader
from activities.registry import discover
from migrations.run import upgrade
from rules.compiler import ChainText, compile_chain
from rules.execution import Execution, Status
from rules.jobs import Job
from rules.plan import FailurePolicy, RetryPolicy
from rules.source.engine import create_engine_for
from rules.wire import EXECUTION_QUERY, ChainInput, Frost, SagaResult
from settings import Settings
from tests.api.sites import client_of
from tests.api.waiting import until
from worker import serve
from workflows.temporal import start_attributes

LIMIT = 40.0
APART = timedelta(seconds=1.5)
TENANT = "yard"
ACTING = "tests.workflows.acting"

Script = Mapping[str, list[str]]


@dataclass(frozen=True)
class Yard:
    """Settings of a worker, and what it works on."""

    settings: Settings
    client: Client
    engine: Engine

    @property
    def reader(self) -> MirrorReader:
        return MirrorReader(self.engine)

    def having(self, **settings: Any) -> "Yard":
        """The same with other settings."""
        given = self.settings.model_dump() | settings
        return replace(self, settings=Settings.model_validate(given))

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """The real worker; its schedules are there when it begins."""
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(self.settings, stop))
        try:
            if self.settings.schedules:
                await until(self._scheduled, LIMIT, "the schedules")
            yield
        finally:
            stop.set()
            await serving

    async def _scheduled(self) -> bool:
        known = [each.id async for each in await self.client.list_schedules()]
        return all(self.id_of(job) in known for job in Job)

    def id_of(self, job: Job) -> str:
        return schedule_id(job, self.settings.task_queue)

    def schedule(self, job: Job) -> ScheduleHandle:
        return self.client.get_schedule_handle(self.id_of(job))

    async def begin(self, job: Job) -> WorkflowHandle[Any, Any]:
        """Trigger a schedule; the run that it began.

        Temporal skips a trigger while it has not seen the end of the run before, and within the
        same second, whose time is in the run's id.
        """
        schedule = self.schedule(job)

        async def idle() -> ScheduleInfo | None:
            info = (await schedule.describe()).info
            begun = [each.started_at for each in info.recent_actions]
            fresh = begun and datetime.now(UTC) - max(begun) < APART
            return None if info.running_actions or fresh else info

        info = await until(idle, LIMIT, f"the end of the run before of {job}")
        known = {_run_of(each) for each in info.recent_actions}
        await schedule.trigger()

        async def look() -> str | None:
            recent = (await schedule.describe()).info.recent_actions
            return next((_run_of(each) for each in recent if _run_of(each) not in known), None)

        return self.client.get_workflow_handle(await until(look, LIMIT, f"a run of {job}"))

    async def run(self, job: Job) -> Any:
        """Trigger a schedule and wait for what its run says."""
        handle = await self.begin(job)
        async with asyncio.timeout(LIMIT):
            return await handle.result()

    async def start(
        self, chain: str, script: Script, on_failure: FailurePolicy | None = None
    ) -> WorkflowHandle[Any, SagaResult]:
        """A saga of this worker."""
        registry = discover([ACTING])
        plan = compile_chain(
            "scripted",
            chains={"scripted": ChainText("scripted", chain)},
            components=registry.policies,
        ).plan
        once: dict[str, Any] = {"retry": RetryPolicy(attempts=1)}
        if on_failure is not None:
            once["on_failure"] = on_failure
        components = {name: p.model_copy(update=once) for name, p in plan.components.items()}
        frost = Frost(
            plan=plan.model_copy(update={"components": components}),
            request={key: list(acts) for key, acts in script.items()},
            request_sha="",
        )
        return await self.client.start_workflow(
            "scripted",
            ChainInput(frost=frost),
            id=f"{TENANT}:{uuid4().hex[:12]}",
            task_queue=self.settings.task_queue,
            search_attributes=TypedSearchAttributes(start_attributes(TENANT, frost)),
            result_type=SagaResult,
        )

    async def mirrored(self, handle: WorkflowHandle[Any, Any], status: Status) -> Execution:
        """The execution as soon as the mirror has it in this status."""

        async def look() -> Execution | None:
            found = self.reader.get(TENANT, handle.id.partition(":")[2])
            return found if found is not None and found.status is status else None

        return await until(look, LIMIT, f"{handle.id} to be {status}")

    def told(self, *changes: Change) -> None:
        """Write into the mirror."""
        with self.engine.begin() as connection:
            Batch(changes).write(connection)


async def execution_of(handle: WorkflowHandle[Any, Any]) -> Execution:
    """What the workflow says."""
    found: Execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    return found


def _run_of(action: Any) -> str:
    return str(action.action.workflow_id)


@asynccontextmanager
async def open_yard(
    address: str, home: Path, database: str | None = None, **settings: Any
) -> AsyncIterator[Yard]:
    """A yard on the Temporal server at `address`, on a task queue of its own."""
    url = database or f"sqlite:///{home}/yard.db"
    if database is None:
        upgrade(url)
    engine = create_engine_for(url, "yard")
    given = {
        "database_url": url,
        "components": ACTING,
        "task_queue": f"yard-{uuid4().hex[:8]}",
        "shutdown_grace": 1,
        **settings,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPORAL_ADDRESS", address)
        yard = Yard(Settings.model_validate(given), await client_of(address), engine)
        yield yard
        for job in Job:
            with_id = yard.schedule(job)
            await _gone(with_id)
    engine.dispose()


async def _gone(schedule: ScheduleHandle) -> None:
    """Delete a schedule, so that it begins no runs that nobody takes."""
    try:
        await schedule.delete(rpc_timeout=timedelta(seconds=10))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
