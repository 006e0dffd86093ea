"""Send a decision to a saga, and tell what became of it.

For the decision router. A decision is a signal (a cancel is Temporal's own), judged by the
workflow; a query then gives the verdict. With no worker up the decision waits in Temporal.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import uuid4

from pydantic import JsonValue
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from api.errors import (
    DecisionRejected,
    ExecutionCompleted,
    ExecutionUnknown,
    StateUnavailable,
    TemporalUnavailable,
)
from api.sagas import RPC_LIMIT, Sagas
from api.schemas import DecisionRequest
from rules.decisions import DecisionKind, DecisionRecord, Verdict
from rules.execution import Execution, Status
from rules.wire import DECISIONS_QUERY, SagaResult

CALLS_LIMIT: Final = timedelta(seconds=10)
"""For all calls that a decision may take: each has its own limit, which no worker shortens."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a decision; `verdict` None: no worker has judged it yet."""

    decision_id: str
    verdict: Verdict | None
    path: str | None = None
    status: Status | None = None


async def decide(
    kind: DecisionKind, sagas: Sagas, tenant: str, execution_id: str, body: DecisionRequest
) -> Judged:
    """Send a decision and wait a moment for its verdict.

    Raises DecisionRejected with the workflow's reason, ExecutionCompleted, ExecutionUnknown,
    TemporalUnavailable.
    """
    decision_id = body.decision_id or uuid4().hex
    repeated = body.decision_id is not None
    handle = sagas.handle(tenant, execution_id)
    try:
        async with _soon():
            await handle.signal(kind.value, _payload(body, decision_id), rpc_timeout=RPC_LIMIT)
    except RPCError as error:
        ended = await _ended(sagas, tenant, execution_id, decision_id, error)
        # A repeat of one that was judged before the end gets its verdict.
        record = await _verdict(sagas, tenant, execution_id, decision_id) if repeated else None
        if record is None:
            raise ended from error
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(str(error) or "no connection in time") from error
    else:
        record = await _verdict(sagas, tenant, execution_id, decision_id)
    return _judged(decision_id, record, None)


async def cancel(sagas: Sagas, tenant: str, execution_id: str, body: DecisionRequest) -> Judged:
    """Cancel a saga: what was done is undone. Raises as `decide` does."""
    decision_id = body.decision_id or uuid4().hex
    handle = sagas.handle(tenant, execution_id)
    try:
        async with _soon():
            await _cancel(handle, _payload(body, decision_id), sagas, (tenant, execution_id))
    except RPCError as error:
        ended = await _ended(sagas, tenant, execution_id, decision_id, error)
        after = await _ask(sagas, tenant, execution_id) if body.decision_id is not None else None
        if _record(after, decision_id) is None:
            raise ended from error
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(str(error) or "no connection in time") from error
    else:
        after = await _ask(sagas, tenant, execution_id)
    return _judged(decision_id, _record(after, decision_id), after)


async def _cancel(
    handle: WorkflowHandle[object, SagaResult],
    payload: dict[str, JsonValue],
    sagas: Sagas,
    execution: tuple[str, str],
) -> None:
    """Cancel, and have it recorded also where it changes nothing. Raises RPCError.

    Temporal tells a run of its first cancel only, and swallows those of a run that has ended.
    Further ones go as a signal, which is judged and recorded, or refused, like any other.
    """
    decision_id = str(payload["decision_id"])
    known = await handle.describe(rpc_timeout=RPC_LIMIT)
    told = known.raw_description.workflow_extended_info.cancel_requested
    if known.status is WorkflowExecutionStatus.RUNNING and not told:
        before = await _ask(sagas, *execution)
        if before is None or _goes_on(before):
            await handle.cancel(reason=json.dumps(payload), rpc_timeout=RPC_LIMIT)
            before = await _ask(sagas, *execution)
        if before is None or _record(before, decision_id) is not None or _goes_on(before):
            return
    await handle.signal(
        DecisionKind.MANUAL_DECISION.value,
        {**payload, "action": "cancel"},
        rpc_timeout=RPC_LIMIT,
    )


def _goes_on(execution: Execution) -> bool:
    return execution.status.forward and execution.cause is None


def _payload(body: DecisionRequest, decision_id: str) -> dict[str, JsonValue]:
    return {**body.model_dump(mode="json", exclude_none=True), "decision_id": decision_id}


def _judged(decision_id: str, record: DecisionRecord | None, found: Execution | None) -> Judged:
    """What a record says, if there is one. Raises DecisionRejected, ExecutionCompleted."""
    if record is None:
        return Judged(decision_id, None)
    status = found.status if found is not None else None
    if record.verdict is Verdict.REJECTED:
        completed = status is Status.COMPLETED
        refusal = ExecutionCompleted if completed else DecisionRejected
        raise refusal(decision_id, record.why or "rejected")
    return Judged(decision_id, record.verdict, record.path, status)


def _soon() -> asyncio.Timeout:
    """Bounds calls whose own limits do not count the connecting, which may take minutes."""
    return asyncio.timeout(CALLS_LIMIT.total_seconds())


async def _verdict(
    sagas: Sagas, tenant: str, execution_id: str, decision_id: str
) -> DecisionRecord | None:
    """The record of a decision; a query sees every signal before it."""
    try:
        found = await sagas.ask(tenant, execution_id, DECISIONS_QUERY, list[DecisionRecord])
    except (StateUnavailable, TemporalUnavailable):
        return None
    return next((record for record in found if record.decision_id == decision_id), None)


async def _ask(sagas: Sagas, tenant: str, execution_id: str) -> Execution | None:
    try:
        return await sagas.execution(tenant, execution_id)
    except (StateUnavailable, TemporalUnavailable):
        return None


def _record(found: Execution | None, decision_id: str) -> DecisionRecord | None:
    records = found.decisions if found is not None else ()
    return next((record for record in records if record.decision_id == decision_id), None)


async def _ended(
    sagas: Sagas, tenant: str, execution_id: str, decision_id: str, error: RPCError
) -> DecisionRejected:
    """What an error of a signal or cancel means: the execution has ended.

    Raises ExecutionUnknown, or TemporalUnavailable for no answer.
    """
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise TemporalUnavailable(error.message) from error
    try:
        known = await sagas.handle(tenant, execution_id).describe(rpc_timeout=RPC_LIMIT)
    except RPCError as unknown:
        raise ExecutionUnknown(execution_id) from unknown
    if known.status is WorkflowExecutionStatus.COMPLETED:
        return ExecutionCompleted(
            decision_id, "the execution has completed; nothing is left to decide"
        )
    return DecisionRejected(decision_id, "the execution has ended; nothing is left to decide")
