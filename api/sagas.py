"""Start sagas on Temporal, wait for them, and ask running ones; idempotent by execution id.

For the saga router. The mirror is asked one thing before a start: whether it remembers an id that
Temporal may have forgotten (design section 2); nothing else of it has a say in execution.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.common import (
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from api.errors import (
    ExecutionConflict,
    ExecutionUnknown,
    StateUnavailable,
    TemporalUnavailable,
)
from api.schemas import ExecuteRequest
from rules.execution import Execution, Status
from rules.source.freeze import freeze_current
from rules.source.service import RuleSource
from rules.wire import (
    EXECUTION_QUERY,
    REQUEST_SHA_MEMO,
    ChainInput,
    Frost,
    MirrorChange,
    SagaOptions,
    SagaResult,
)
from workflows.temporal import start_attributes

T = TypeVar("T")

RPC_LIMIT: Final = timedelta(seconds=5)
QUERY_LIMIT: Final = timedelta(seconds=3)

log = structlog.get_logger("chainsaga.api")


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that was started now, or is known from an earlier start."""

    execution_id: str
    frost: Frost
    remembered: Execution | None = None


@dataclass(frozen=True, slots=True)
class Sagas:
    """The executions of all tenants; every call names its tenant."""

    client: Client
    rules: RuleSource
    reader: MirrorReader
    writer: MirrorWriter
    task_queue: str
    max_events: int | None = None

    async def start(self, tenant: str, body: ExecuteRequest) -> Started:
        """Start an execution, or find the one that an equal earlier start began.

        Raises the errors of `rules.errors`, ExecutionConflict, TemporalUnavailable.
        """
        execution_id = body.execution_id or uuid4().hex
        frost = await asyncio.to_thread(self._freeze, tenant, body)
        if body.execution_id is not None:
            remembered = await self._remembered(tenant, execution_id)
            if remembered is not None:
                _compare(remembered.chain, remembered.request_sha, body.chain, frost, remembered)
                return Started(execution_id, frost, remembered)
        try:
            await self._start_workflow(tenant, execution_id, frost)
        except WorkflowAlreadyStartedError:
            await self._compare_running(tenant, execution_id, frost)
        return Started(execution_id, frost)

    async def wait(self, tenant: str, started: Started, seconds: float) -> SagaResult | None:
        """How the execution ended, or None when it has not within `seconds`."""
        if started.remembered is not None and started.remembered.status.final:
            return _result_of(started.remembered)
        handle = self.handle(tenant, started.execution_id)
        try:
            async with asyncio.timeout(seconds):
                return await handle.result()
        except TimeoutError:
            return None
        except WorkflowFailureError as failure:
            return _ended(started, failure)
        except RPCError as error:
            raise TemporalUnavailable(error.message, started.execution_id) from error

    async def ask(self, tenant: str, execution_id: str, query: str, answer: type[T]) -> T:
        """Ask the workflow. Raises ExecutionUnknown, TemporalUnavailable, StateUnavailable."""
        asked: Awaitable[T] = self.handle(tenant, execution_id).query(
            query, result_type=answer, rpc_timeout=QUERY_LIMIT
        )
        try:
            return await asked
        except WorkflowQueryFailedError as error:
            raise StateUnavailable(str(error)) from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ExecutionUnknown(execution_id) from error
            if error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED):
                raise StateUnavailable("no worker answered in time") from error
            raise TemporalUnavailable(error.message) from error

    async def execution(self, tenant: str, execution_id: str) -> Execution:
        """The execution as its workflow knows it."""
        return await self.ask(tenant, execution_id, EXECUTION_QUERY, Execution)

    def handle(self, tenant: str, execution_id: str) -> WorkflowHandle[object, SagaResult]:
        """Temporal's handle of an execution."""
        return self.client.get_workflow_handle(f"{tenant}:{execution_id}", result_type=SagaResult)

    def _freeze(self, tenant: str, body: ExecuteRequest) -> Frost:
        given = {"saga": body.saga} if body.saga is not None else {}
        return freeze_current(
            self.rules,
            tenant,
            body.chain,
            body.request,
            business_key=body.business_key,
            options=SagaOptions(max_events=self.max_events, **given),
        )

    async def _remembered(self, tenant: str, execution_id: str) -> Execution | None:
        try:
            return await asyncio.to_thread(self.reader.get, tenant, execution_id)
        except SQLAlchemyError as error:
            log.warning("the mirror cannot be asked before a start", why=str(error))
            return None

    async def _start_workflow(self, tenant: str, execution_id: str, frost: Frost) -> None:
        plan = frost.plan
        label = f", {frost.business_key}" if frost.business_key else ""
        try:
            await self.client.start_workflow(
                plan.chain,
                ChainInput(frost=frost),
                id=f"{tenant}:{execution_id}",
                task_queue=self.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo={REQUEST_SHA_MEMO: frost.request_sha},
                search_attributes=TypedSearchAttributes(start_attributes(tenant, frost)),
                static_summary=f"{plan.chain} version {plan.version}, tenant {tenant}{label}"[:200],
                rpc_timeout=RPC_LIMIT,
            )
        except RPCError as error:
            raise TemporalUnavailable(error.message, execution_id) from error
        except RuntimeError as error:
            raise TemporalUnavailable(str(error), execution_id) from error
        self.writer.put(MirrorChange(execution=_first(tenant, execution_id, frost)))

    async def _compare_running(self, tenant: str, execution_id: str, frost: Frost) -> None:
        try:
            known = await self.handle(tenant, execution_id).describe(rpc_timeout=RPC_LIMIT)
        except RPCError as error:
            raise TemporalUnavailable(error.message, execution_id) from error
        sha = await known.memo_value(REQUEST_SHA_MEMO, default=None, type_hint=str)
        if (known.workflow_type, sha) != (frost.plan.chain, frost.request_sha):
            raise ExecutionConflict(execution_id, known.workflow_type, None)


def _compare(chain: str, sha: str, asked: str, frost: Frost, remembered: Execution) -> None:
    if (chain, sha) != (asked, frost.request_sha):
        raise ExecutionConflict(remembered.execution_id, chain, remembered.status)


def _first(tenant: str, execution_id: str, frost: Frost) -> Execution:
    """The mirror's first record of an execution; every later one beats it."""
    return Execution(
        tenant=tenant,
        execution_id=execution_id,
        chain=frost.plan.chain,
        rule_version=frost.plan.version,
        plan_sha=frost.plan.sha,
        status=Status.RUNNING,
        business_key=frost.business_key,
        request_sha=frost.request_sha,
        request=frost.request,
        started_at=datetime.now(UTC),
    )


def _result_of(execution: Execution) -> SagaResult:
    return SagaResult(
        execution_id=execution.execution_id,
        chain=execution.chain,
        rule_version=execution.rule_version,
        status=execution.status,
        cause=execution.cause,
        failed_step=execution.failed_step,
        error=execution.error,
        output=execution.output if execution.status is Status.COMPLETED else None,
        context=execution.context,
    )


def _ended(started: Started, failure: WorkflowFailureError) -> SagaResult:
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.details:
        return SagaResult.model_validate(cause.details[0])
    return SagaResult(
        execution_id=started.execution_id,
        chain=started.frost.plan.chain,
        rule_version=started.frost.plan.version,
        status=Status.ABORTED,
    )
