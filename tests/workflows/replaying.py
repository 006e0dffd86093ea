"""The histories that a saga has left behind, and whether this code replays them.

For tests of whole sagas: what runs once in a worker's memory may still not replay.
"""

from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from workflows.plugin import saga_plugin


async def histories_of(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """The histories of every run of an execution, oldest first."""
    found: list[WorkflowHistory] = []
    run_id = None
    while True:
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        found.insert(0, await handle.fetch_history())
        started = found[0].events[0].workflow_execution_started_event_attributes
        run_id = started.continued_execution_run_id
        if not run_id:
            return found


async def replay_all(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Replay every run of an execution and give them back. Raises what replaying raises."""
    found = await histories_of(client, workflow_id)
    for history in found:
        await Replayer(workflows=[], plugins=[saga_plugin()]).replay_workflow(history)
    return found
