"""Tries blocked undos again: sends the decision that a person would send, and reads the verdict.

For the job that raises alerts. The decision's id follows from the wait that it is about, so a
repeated send is no second decision.
"""

from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from rules.decisions import Decision, DecisionKind, DecisionRecord, Verdict
from rules.jobs import OPERATOR, UndoRetry
from rules.wire import DECISIONS_QUERY

RPC_LIMIT: Final = timedelta(seconds=10)


def decision_for(retry: UndoRetry) -> Decision:
    """The decision to try a blocked undo again."""
    wait = retry.waiting
    digest = sha256(f"{wait.path}\n{wait.since.isoformat()}".encode()).hexdigest()[:16]
    return Decision(
        decision_id=f"{OPERATOR}-{digest}",
        operator=OPERATOR,
        reason=f"automatic retry {retry.number} of {retry.of}",
        step=wait.path,
    )


async def send(client: Client, retry: UndoRetry) -> bool:
    """Whether the saga accepted the retry. Raises RPCError."""
    handle = client.get_workflow_handle(f"{retry.tenant}:{retry.execution_id}")
    decision = decision_for(retry)
    payload = decision.model_dump(mode="json", exclude_defaults=True)
    try:
        await handle.signal(DecisionKind.RETRY, payload, rpc_timeout=RPC_LIMIT)
        records: list[DecisionRecord] = await handle.query(
            DECISIONS_QUERY, result_type=list[DecisionRecord], rpc_timeout=RPC_LIMIT
        )
    except WorkflowQueryFailedError:
        return False
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return _accepted(records, decision.decision_id)


def _accepted(records: Sequence[DecisionRecord], decision_id: str) -> bool:
    return any(
        record.decision_id == decision_id and record.verdict is Verdict.ACCEPTED
        for record in records
    )
