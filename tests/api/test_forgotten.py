"""Ids that Temporal has forgotten, whose executions the mirror still knows."""

from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from dev import temporal_server as launcher
from dev.temporal_server import DevServer, dev_server
from dev.tools import temporal_binary
from tests.api.gates import Gate
from tests.api.sites import BOOK, DECLINED, Api, runs
from tests.api.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

# Without it the server takes half a minute to forget.
AT_ONCE = {"history.transferProcessorEnsureCloseBeforeDelete": "false"}


@pytest.fixture(scope="module")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server of this module, which forgets at once."""
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "DYNAMIC_CONFIG", {**launcher.DYNAMIC_CONFIG, **AT_ONCE})
        with dev_server(temporal_binary(), log=log) as server:
            yield server


async def forget(temporal: Client, workflow_id: str) -> None:
    """Let Temporal forget a workflow, as it does by itself when the retention is over."""
    await temporal.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=temporal.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        )
    )

    async def gone() -> bool:
        try:
            await temporal.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await until(gone, 15, f"Temporal to forget {workflow_id}")


@pytest.mark.parametrize(
    ("request_", "status"), [(BOOK, 200), (DECLINED, 422)], ids=["completed", "failed"]
)
async def test_what_temporal_forgot_the_mirror_still_guards(
    api: Api, temporal: Client, id: str, request_: dict[str, Any], status: int
) -> None:
    first = await api.execute("placeOrder", request_, execution_id=id)
    await forget(temporal, f"1:{id}")
    again = await api.execute("placeOrder", request_, execution_id=id)
    another = await api.execute("placeOrder", {**request_, "quantity": 2}, execution_id=id)
    assert (again.status_code, another.status_code) == (status, 409)
    assert again.json() == first.json()
    assert another.json()["code"] == "EXECUTION_CONFLICT"
    with pytest.raises(RPCError):
        await temporal.get_workflow_handle(f"1:{id}").describe()
    assert (await api.view(id))["source"] == "sql"
    assert (await api.json(f"/api/saga/executions/{id}/undo-plan"))["source"] == "sql"
    strong = await api.get(f"/api/saga/executions/{id}", consistency="strong")
    assert (strong.status_code, strong.json()["code"]) == (404, "EXECUTION_UNKNOWN")


async def test_forgotten_while_it_ran_is_not_started_again(
    api: Api, temporal: Client, id: str, gate: Gate
) -> None:
    await api.execute("gated", gate.request(), execution_id=id, mode="async")
    await gate.entering()
    await temporal.get_workflow_handle(f"1:{id}").terminate("by a test")
    await forget(temporal, f"1:{id}")
    again = await api.execute("gated", gate.request(), execution_id=id, wait_seconds=1)
    another = await api.execute("gated", gate.request(customer="bob"), execution_id=id)
    assert (again.status_code, another.status_code) == (202, 409), again.text
    assert await runs(temporal, id) == 0
