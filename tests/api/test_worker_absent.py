"""No worker is up: sagas are taken and wait, and what only a worker can tell is not told."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.api.sites import BOOK, Api, Place, only, open_api, open_worker, runs

LIST = "/api/saga/executions"
NO_REDIS = "not configured"


@pytest.fixture(scope="module")
async def waiting(api: Api) -> str:
    """An execution that nobody works on; these tests have no worker but where they start one."""
    answer = await api.execute("placeOrder", BOOK, execution_id="waiting", wait_seconds=0.3)
    assert answer.status_code == 202
    return "waiting"


async def test_sync_answers_202_after_its_patience(api: Api, id: str) -> None:
    answer = await api.execute("placeOrder", BOOK, execution_id=id, wait_seconds=0.5)
    assert (answer.status_code, answer.json()["status"]) == (202, "RUNNING")
    assert answer.headers["Location"] == f"{LIST}/{id}"
    assert 0.5 <= answer.elapsed.total_seconds() < 5


@pytest.mark.parametrize(
    ("path", "status", "fields"),
    [
        (f"{LIST}/waiting", 200, {"source": "sql", "status": "RUNNING"}),
        (f"{LIST}/waiting/logs", 200, {"source": "sql", "lines": []}),
        (f"{LIST}/waiting/undo-plan", 200, {"source": "sql", "undo": []}),
        (f"{LIST}/waiting?consistency=strong", 503, {"code": "STATE_UNAVAILABLE", "step": None}),
        (f"{LIST}/nobody", 404, {"code": "EXECUTION_UNKNOWN"}),
        ("/ready", 200, {"status": "ok", "temporal": "ok", "rules": "ok", "redis": NO_REDIS}),
    ],
)
async def test_what_is_answered(
    api: Api, waiting: str, *, path: str, status: int, fields: dict[str, object]
) -> None:
    answer = await api.get(path)
    assert answer.status_code == status, answer.text
    assert only(answer.json(), *fields) == fields


@pytest.fixture
async def late_worker(place: Place) -> AsyncIterator[None]:
    """A worker that comes when the executions are already waiting."""
    async with open_worker(place.settings):
        yield


async def test_the_first_worker_to_come_does_the_work(
    api: Api, waiting: str, temporal: Client, late_worker: None
) -> None:
    answer = await api.execute("placeOrder", BOOK, execution_id=waiting)
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    assert await runs(temporal, waiting) == 1


async def test_a_saga_outlives_its_worker(place: Place, id: str) -> None:
    """The history hint lowered, so that the new worker replays a continued run."""
    settings = place.settings.model_copy(update={"max_events": 20, "task_queue": f"two-{id}"})
    async with open_api(settings) as api:
        async with open_worker(settings):
            await api.execute("placeOrder", BOOK, execution_id=id)
        strong = await api.get(f"{LIST}/{id}", consistency="strong")
        assert strong.status_code == 503
        async with open_worker(settings):
            view = await api.view(id, consistency="strong")
    assert only(view, "source", "status", "rule_version") == {
        "source": "workflow",
        "status": "COMPLETED",
        "rule_version": 1,
    }
    assert sorted(entry["component"] for entry in view["executionStack"]) == sorted(
        ["createOrder", "deductStock", "freezeCoupon", "pay", "notify"]
    )
