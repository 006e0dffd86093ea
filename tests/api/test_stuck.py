"""A fault in the workflow's own code: the reader of the saga sees it, a mended worker goes on."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.api.sites import BOOK, Api, Place, open_worker
from tests.api.waiting import until


@workflow.defn(dynamic=True)
class Faulty:
    """What a bad deployment may be."""

    @workflow.run
    async def run(self, _args: Sequence[RawValue]) -> None:
        raise RuntimeError("a fault in the workflow's code")


async def test_it_is_seen_and_it_goes_on_with_a_mended_worker(
    api: Api, place: Place, temporal: Client, id: str
) -> None:
    queue = place.settings.task_queue
    runner = UnsandboxedWorkflowRunner()
    async with Worker(temporal, task_queue=queue, workflows=[Faulty], workflow_runner=runner):
        answer = await api.execute("placeOrder", BOOK, execution_id=id, mode="async")
        assert answer.status_code == 202

        async def seen() -> Any:
            view = await api.view(id)
            return view if view["stuck_since"] else None

        view = await until(seen, 30, "the API to tell that the workflow is stuck")
    assert (view["status"], view["cause"]) == ("RUNNING", None), "nothing is undone for it"
    assert view["stuck_why"] == "a fault in the workflow's code"
    async with open_worker(place.settings):
        view = await api.ended(id, limit=40)
    assert (view["status"], view["stuck_since"]) == ("COMPLETED", None)
