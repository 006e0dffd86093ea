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
from temporalio.client import WorkflowExecutionStatus
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
from rules.execution import Cause, Execution, Status
from rules.wire import DECISIONS_QUERY

VERDICT_LIMIT: Final = timedelta(seconds=3)


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
    payload: JsonValue = body.model_dump(mode="json", exclude_none=True) | {
        "decision_id": decision_id
    }
    handle = sagas.handle(tenant, execution_id)
    try:
        async with asyncio.timeout(RPC_LIMIT.total_seconds() + 1):
            await handle.signal(kind.value, payload, rpc_timeout=RPC_LIMIT)
    except RPCError as error:
        await _explain(sagas, tenant, execution_id, decision_id, error)
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(str(error) or "no connection in time") from error
    record = await _verdict(sagas, tenant, execution_id, decision_id)
    if record is None:
        return Judged(decision_id, None)
    if record.verdict is Verdict.REJECTED:
        raise DecisionRejected(decision_id, record.why or "rejected")
    return Judged(decision_id, record.verdict, record.path)


async def cancel(sagas: Sagas, tenant: str, execution_id: str, body: DecisionRequest) -> Judged:
    """Cancel a saga: what was done is undone. Raises as `decide` does."""
    decision_id = body.decision_id or uuid4().hex
    reason = body.model_dump(mode="json", exclude_none=True) | {"decision_id": decision_id}
    handle = sagas.handle(tenant, execution_id)
    try:
        async with asyncio.timeout(RPC_LIMIT.total_seconds() + 1):
            known = await handle.describe(rpc_timeout=RPC_LIMIT)
            if known.status is not WorkflowExecutionStatus.RUNNING:
                raise _ended(decision_id, known.status)
            before = await _ask(sagas, tenant, execution_id)
            if before is not None and before.status.undoing:
                raise DecisionRejected(decision_id, "already undoing")
            await handle.cancel(reason=json.dumps(reason), rpc_timeout=RPC_LIMIT)
    except RPCError as error:
        await _explain(sagas, tenant, execution_id, decision_id, error)
    except (RuntimeError, TimeoutError) as error:
        raise TemporalUnavailable(str(error) or "no connection in time") from error
    after = await _ask(sagas, tenant, execution_id)
    if after is None or after.cause is None:
        return Judged(decision_id, None)
    if after.cause is not Cause.CANCEL:
        raise DecisionRejected(decision_id, f"already stopping: {after.cause.value}")
    return Judged(decision_id, Verdict.ACCEPTED, status=after.status)


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


async def _explain(
    sagas: Sagas, tenant: str, execution_id: str, decision_id: str, error: RPCError
) -> None:
    """Raise what an error of a signal or cancel means: ended, unknown, or no answer."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        raise TemporalUnavailable(error.message) from error
    try:
        known = await sagas.handle(tenant, execution_id).describe(rpc_timeout=RPC_LIMIT)
    except RPCError as unknown:
        raise ExecutionUnknown(execution_id) from unknown
    raise _ended(decision_id, known.status) from error


def _ended(decision_id: str, status: WorkflowExecutionStatus | None) -> DecisionRejected:
    if status is WorkflowExecutionStatus.COMPLETED:
        return ExecutionCompleted(
            decision_id, "the execution has completed; nothing is left to decide"
        )
    return DecisionRejected(decision_id, "the execution has ended; nothing is left to decide")
