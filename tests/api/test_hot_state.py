"""The product with a real Redis: running sagas come from it, and nothing needs it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from dev.databases import RedisServer, redis_server
from settings import Settings
from tests.api.gates import Gate
from tests.api.sites import Api, Place, only, open_api, open_worker
from tests.api.waiting import until

LIMIT = 20.0
STEPS = ["createOrder", "gate", "pay"]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def settings(place: Place, redis: RedisServer) -> Settings:
    """A place with Redis, whose worker compares as often as it may."""
    return place.settings.model_copy(update={"redis_url": redis.url, "reconcile_every": 5.0})


async def seen(api: Api, id: str, **fields: object) -> Any:
    """The detail of a saga as soon as it says this."""

    async def look() -> Any:
        view = await api.view(id)
        return view if only(view, *fields) == fields else None

    return await until(look, LIMIT, f"{id} to say {fields}")


async def ready(api: Api, status: str) -> Any:
    """What `/ready` says as soon as it says so; 503 never."""

    async def look() -> Any:
        answer = await api.get("/ready")
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.json()["status"] == status else None

    return await until(look, LIMIT, f"/ready to say {status}")


STEP_STRING = "createOrder[open the order]==>gate"


async def test_redis_answers_and_when_it_is_killed_sql_does(
    settings: Settings, redis: RedisServer, *, id: str, gate: Gate
) -> None:
    async with open_api(settings) as api, open_worker(settings):
        await api.execute("gated", gate.request(), execution_id=id, mode="async")
        await gate.entering()
        view = await seen(api, id, source="redis", steps=STEP_STRING)
        assert only(view, "status", "ended_at") == {"status": "RUNNING", "ended_at": None}
        assert view["executionStack"][0]["output"]["order_id"] == id
        assert only(await ready(api, "ok"), "redis") == {"redis": "ok"}
        redis.kill()
        view = await api.view(id)
        assert only(view, "source", "status") == {"source": "sql", "status": "RUNNING"}
        degraded = await ready(api, "degraded")
        assert degraded["redis"].startswith("does not answer: ")
        gate.open()
        ended = await api.execute("gated", gate.request(), execution_id=id)
        assert (ended.status_code, ended.json()["status"]) == (200, "COMPLETED")
        view = await seen(api, id, source="sql", status="COMPLETED")
        assert [entry["component"] for entry in view["executionStack"]] == STEPS
        # It comes back empty: what it has a hole in stays with SQL, what is new it has whole.
        redis.start()
        await api.execute("gated", {"gate": None}, execution_id=f"{id}-new")
        view = await seen(api, f"{id}-new", source="redis", status="COMPLETED")
        assert [entry["component"] for entry in view["executionStack"]] == STEPS
        assert (await api.view(id))["executionStack"][0]["output"]["order_id"] == id
        sound = await ready(api, "ok")
        assert sound["mirror"] == {"queued": 0, "dropped": 0, "failing_since": None}


async def test_a_terminated_workflow_is_aborted_after_a_round_of_the_worker(
    settings: Settings, temporal: Client, *, id: str, gate: Gate
) -> None:
    async with open_api(settings) as api, open_worker(settings):
        await api.execute("gated", gate.request(), execution_id=id, mode="async")
        await gate.entering()
        await seen(api, id, source="redis", steps=STEP_STRING)
        await temporal.get_workflow_handle(f"1:{id}").terminate(reason="by a test")
        view = await seen(api, id, status="ABORTED")
        assert view["error"]["code"] == "ABORTED"
        assert "by a test" in view["error"]["message"]
        assert view["ended_at"]
        listed = await api.json("/api/saga/executions", status="ABORTED")
        assert [item["execution_id"] for item in listed["items"]] == [id]
