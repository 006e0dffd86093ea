"""Whether a workflow is held up by a fault in its own code, and since when.

For those who read an execution. Such a workflow fails its task again and again, and goes on by
itself once a mended worker comes: nothing is undone for it. Only Temporal knows; the mirror does
not hear of it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError

LIMIT: Final = timedelta(seconds=1)
LAST_EVENTS: Final = 20

_log = structlog.get_logger("chainsaga.api")


@dataclass(frozen=True, slots=True)
class Stuck:
    """Since when, and what the workflow's code raised."""

    since: datetime
    why: str


async def find_stuck(client: Client, workflow_id: str) -> Stuck | None:
    """What holds a workflow up; None too where Temporal does not say within a second."""
    try:
        described = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=LIMIT)
        if described.raw_description.pending_workflow_task.attempt > 1:
            return await _last_failure(client, workflow_id, described.run_id)
        return None
    # A RuntimeError is how the SDK says that it could not connect.
    except (RPCError, RuntimeError) as error:
        _log.warning("temporal does not say whether a workflow is stuck", why=str(error))
        return None


async def _last_failure(client: Client, workflow_id: str, run_id: str) -> Stuck | None:
    """The failure of the last workflow task; only the first of several in a row has an event."""
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=LAST_EVENTS,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        asked, timeout=LIMIT
    )
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failure = event.workflow_task_failed_event_attributes.failure
            return Stuck(event.event_time.ToDatetime(UTC), failure.message)
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return None
    return None
