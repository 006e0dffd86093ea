"""Which sagas are open, by Temporal's own word; the mirror may not know.

For the clean-ups, which must never take anything from an open saga.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

ASKED_AT_ONCE: Final = 50
RPC_LIMIT: Final = timedelta(seconds=10)

# How a query writes anything else differs between the stores of Temporal's lists.
_PLAIN: Final = re.compile(r"[\w .,:;@#$&()+=/-]*", re.ASCII)


async def open_among(client: Client, owners: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the given (tenant, execution id) whose workflow runs. Raises RPCError."""
    by_id = {f"{tenant}:{execution_id}": (tenant, execution_id) for tenant, execution_id in owners}
    plain = [id for id in by_id if _PLAIN.fullmatch(id)]
    found = {id for id in by_id.keys() - set(plain) if await _runs(client, id)}
    for start in range(0, len(plain), ASKED_AT_ONCE):
        listed = ", ".join(f"'{id}'" for id in plain[start : start + ASKED_AT_ONCE])
        query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({listed})"
        async for run in client.list_workflows(query, rpc_timeout=RPC_LIMIT):
            found.add(run.id)
    return {owner for id, owner in by_id.items() if id in found}


async def _runs(client: Client, id: str) -> bool:
    try:
        found = await client.get_workflow_handle(id).describe(rpc_timeout=RPC_LIMIT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return found.status is WorkflowExecutionStatus.RUNNING
