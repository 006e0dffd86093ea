"""Start sagas on Temporal, wait for them, and ask running ones; idempotent by execution id.

For the saga router. The mirror is asked one thing before a start: whether it remembers an id that
Temporal may have forgotten (design section 2); nothing else of it has a say in execution.
"""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, TypeVar
from uuid import uuid4

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
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
    ApiError,
    ExecutionConflict,
    ExecutionUnknown,
    StateUnavailable,
    TemporalUnavailable,
)
from api.schemas import ExecuteRequest
from api.stuck import Stuck, find_stuck
from rules.execution import Execution, Status
from rules.request_sha import request_sha
from rules.source.freeze import freeze_current
from rules.source.service import RuleSource
from rules.wire import (
    EXECUTION_QUERY,
    REQUEST_SHA_MEMO,
    STATUS_QUERY,
    ChainInput,
    Frost,
    MirrorChange,
    SagaOptions,
    SagaResult,
)
from workflows.temporal import RULE_VERSION, start_attributes

T = TypeVar("T")

RPC_LIMIT: Final = timedelta(seconds=5)
QUERY_LIMIT: Final = timedelta(seconds=3)
NOBODY_ANSWERED: Final = "neither a worker nor Temporal answered in time"
# How soon, and how seldom at last, a waiting caller's saga is asked whether it waits for people.
FIRST_LOOK: Final = 0.3
LAST_LOOK: Final = 2.0

log = structlog.get_logger("chainsaga.api")


@dataclass(frozen=True, slots=True)
class Started:
    """An execution that was started now, or is known from an earlier start."""

    execution_id: str
    chain: str
    rule_version: int | None
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

    async def start(
        self, tenant: str, body: ExecuteRequest, *, namespace: str | None = None
    ) -> Started:
        """Start an execution, or find the one that an equal earlier start began.

        `namespace` is that of the chain, if it is not the first that is served. Raises the errors
        of `rules.errors`, ExecutionConflict, TemporalUnavailable.
        """
        execution_id = body.execution_id or uuid4().hex
        # Before the freeze: a known id answers even if its chain was since taken away.
        if (known := await self.remembered(tenant, body)) is not None:
            return known
        frost = await asyncio.to_thread(self._freeze, tenant, body, namespace)
        try:
            await self._start_workflow(tenant, execution_id, frost)
        except WorkflowAlreadyStartedError:
            sha = request_sha(body.chain, body.request)
            return await self._known(tenant, execution_id, body.chain, sha)
        return Started(execution_id, body.chain, frost.plan.version)

    async def remembered(self, tenant: str, body: ExecuteRequest) -> Started | None:
        """The execution that an equal start began, as far as the mirror knows of one.

        Raises ExecutionConflict, TemporalUnavailable.
        """
        if body.execution_id is None:
            return None
        known = await self._remembered(tenant, body.execution_id)
        if known is None:
            return None
        sha = request_sha(body.chain, body.request)
        return await self._repeated(tenant, body.chain, sha, known)

    async def wait(self, tenant: str, started: Started, seconds: float) -> SagaResult | Status:
        """How the execution ended; else its status, as soon as it waits for people or at the end.

        Waits for `seconds` at most.
        """
        if started.remembered is not None and started.remembered.status.final:
            return _result_of(started.remembered)
        ending = asyncio.create_task(self._ending(tenant, started))
        deadline = monotonic() + seconds
        pause, status = FIRST_LOOK, None
        try:
            while True:
                left = max(deadline - monotonic(), 0.0)
                await asyncio.wait([ending], timeout=min(left, pause))
                if ending.done():
                    return ending.result() or Status.RUNNING
                if left:
                    status = await self._status(tenant, started.execution_id) or status
                if status in (Status.WAITING_DECISION, Status.COMPENSATION_BLOCKED) or not left:
                    return status or Status.RUNNING
                pause = min(pause * 2, LAST_LOOK)
        finally:
            ending.cancel()

    async def _ending(self, tenant: str, started: Started) -> SagaResult | None:
        """How the execution ends; None for one of which nobody has kept the end."""
        try:
            with _reached(started.execution_id):
                return await self.handle(tenant, started.execution_id).result()
        except ExecutionUnknown:
            return None
        except WorkflowFailureError as failure:
            return _ended(started, failure)

    async def _status(self, tenant: str, execution_id: str) -> Status | None:
        try:
            return await self.ask(tenant, execution_id, STATUS_QUERY, Status)
        except ApiError:
            return None

    async def ask(self, tenant: str, execution_id: str, query: str, answer: type[T]) -> T:
        """Ask the workflow. Raises ExecutionUnknown, TemporalUnavailable, StateUnavailable."""
        handle = self.handle(tenant, execution_id)
        try:
            with _reached(execution_id, repeat=False):
                async with _soon(QUERY_LIMIT):
                    asked: Awaitable[T] = handle.query(
                        query, result_type=answer, rpc_timeout=QUERY_LIMIT
                    )
                    return await asked
        except WorkflowQueryFailedError as error:
            raise StateUnavailable(str(error)) from error

    async def execution(self, tenant: str, execution_id: str) -> Execution:
        """The execution as its workflow knows it."""
        return await self.ask(tenant, execution_id, EXECUTION_QUERY, Execution)

    async def stuck(self, tenant: str, execution_id: str) -> Stuck | None:
        """What holds the workflow up, as far as Temporal says so at once."""
        return await find_stuck(self.client, f"{tenant}:{execution_id}")

    def handle(self, tenant: str, execution_id: str) -> WorkflowHandle[object, SagaResult]:
        """Temporal's handle of an execution."""
        return self.client.get_workflow_handle(f"{tenant}:{execution_id}", result_type=SagaResult)

    def _freeze(self, tenant: str, body: ExecuteRequest, namespace: str | None) -> Frost:
        # What the request leaves out, the chain may say.
        own = {"saga": body.saga, "undo_policy": body.undo_policy}
        given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        return freeze_current(
            self.rules,
            tenant,
            body.chain,
            body.request,
            namespace=namespace,
            business_key=body.business_key,
            options=SagaOptions(timeout=body.timeout, max_events=self.max_events, **given),
            overrides=body.overrides,
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
        summary = f"{plan.chain} version {plan.version}, tenant {tenant}{label}"
        with _reached(execution_id, starting=True):
            async with _soon(RPC_LIMIT):
                await self.client.start_workflow(
                    plan.chain,
                    ChainInput(frost=frost),
                    id=f"{tenant}:{execution_id}",
                    task_queue=self.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    memo={REQUEST_SHA_MEMO: frost.request_sha},
                    search_attributes=TypedSearchAttributes(start_attributes(tenant, frost)),
                    static_summary=summary[:200],
                    rpc_timeout=RPC_LIMIT,
                )
        self.writer.put(MirrorChange(execution=_first(tenant, execution_id, frost)))

    async def _repeated(self, tenant: str, chain: str, sha: str, remembered: Execution) -> Started:
        """The execution that the mirror remembers, if it is of an equal start."""
        execution_id, version = remembered.execution_id, remembered.rule_version
        if not remembered.request_sha:
            # The mirror has heard of its steps only; what was asked for, Temporal knows.
            try:
                return await self._known(tenant, execution_id, chain, sha)
            except ExecutionUnknown:
                raise ExecutionConflict(execution_id, remembered.chain) from None
        if (remembered.chain, remembered.request_sha) != (chain, sha):
            raise ExecutionConflict(execution_id, remembered.chain)
        return Started(execution_id, chain, version, remembered)

    async def _known(self, tenant: str, execution_id: str, chain: str, sha: str) -> Started:
        """The execution that Temporal has under this id, if it is of an equal start."""
        with _reached(execution_id):
            async with _soon(RPC_LIMIT):
                known = await self.handle(tenant, execution_id).describe(rpc_timeout=RPC_LIMIT)
        known_sha = await known.memo_value(REQUEST_SHA_MEMO, default=None, type_hint=str)
        if known_sha is None and known.status is WorkflowExecutionStatus.RUNNING:
            raise StateUnavailable("it was started by hand, and no worker has begun it yet")
        if (known.workflow_type, known_sha) != (chain, sha):
            raise ExecutionConflict(execution_id, known.workflow_type)
        version = known.typed_search_attributes.get(RULE_VERSION)
        return Started(execution_id, chain, version)


def _soon(limit: timedelta) -> asyncio.Timeout:
    """Bounds a call whose own limit does not count the connecting, which may take minutes."""
    return asyncio.timeout(limit.total_seconds() + 1)


@contextmanager
def _reached(execution_id: str, *, repeat: bool = True, starting: bool = False) -> Iterator[None]:
    """What a call of Temporal may meet, as ours; `repeat` hands the caller the id to repeat with.

    Raises ExecutionUnknown (not when `starting`), StateUnavailable, TemporalUnavailable.
    """
    id_to_repeat = execution_id if repeat else None
    try:
        yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and not starting:
            raise ExecutionUnknown(execution_id) from error
        late = error.status in (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
        if late and not repeat:
            raise StateUnavailable(NOBODY_ANSWERED) from error
        raise TemporalUnavailable(error.message, id_to_repeat) from error
    except TimeoutError as error:
        if not repeat:
            raise StateUnavailable(NOBODY_ANSWERED) from error
        raise TemporalUnavailable("no connection in time", id_to_repeat) from error
    # The first call connects: a RuntimeError is how the SDK says that it could not.
    except RuntimeError as error:
        raise TemporalUnavailable(str(error), id_to_repeat) from error


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
        chain=started.chain,
        rule_version=started.rule_version or 0,
        status=Status.ABORTED,
    )
