"""The database is taken away and brought back: what is answered meanwhile, and what is not lost."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx2
import pytest

from tests.api.gates import Gate
from tests.api.sites import BOOK, DECLINED, Api, Place, only, open_api, open_worker, taken_away
from tests.api.waiting import until

LIST = "/api/saga/executions"


def database_unavailable(answer: httpx2.Response) -> None:
    """It says 503 in words for people, without SQL or paths."""
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE"), answer.text
    assert answer.json()["message"] == "the database does not answer; try again later"
    assert answer.json()["details"] == {}


async def test_what_is_answered_meanwhile_and_what_is_made_up_for(
    api: Api, worker: None, place: Place, *, id: str, gate: Gate
) -> None:
    before = await api.execute("placeOrder", DECLINED, execution_id=f"{id}-before")
    await api.execute("gated", gate.request(), execution_id=id, mode="async")
    await gate.entering()
    with taken_away(place):
        database_unavailable(await api.get(LIST))
        running = await api.view(id)
        assert only(running, "source", "status") == {"source": "workflow", "status": "RUNNING"}
        closed = await api.view(f"{id}-before")
        assert only(closed, "source", "status") == {"source": "workflow", "status": "COMPENSATED"}
        plan = await api.json(f"{LIST}/{id}/undo-plan")
        assert plan["source"] == "workflow"
        log = await api.json(f"{LIST}/{id}-before/logs")
        assert (log["source"], len(log["lines"])) == ("workflow", 14)
        unknown = await api.get(f"{LIST}/nobody")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "EXECUTION_UNKNOWN")
        # The snapshot serves: a new saga runs to its end, and a running one goes on to its own.
        fresh = await api.execute("placeOrder", BOOK, execution_id=f"{id}-fresh")
        assert (fresh.status_code, fresh.json()["status"]) == (200, "COMPLETED")
        again = await api.execute("placeOrder", BOOK, execution_id=f"{id}-fresh")
        assert again.json() == fresh.json()
        another = await api.execute("placeOrder", DECLINED, execution_id=f"{id}-fresh")
        assert another.status_code == 409
        gate.open()
        ended = await api.execute("gated", gate.request(), execution_id=id)
        assert (ended.status_code, ended.json()["status"]) == (200, "COMPLETED")
        in_memory = await api.http.post("/api/execute/free", json=BOOK)
        assert in_memory.json()["success"] is True
    for known, steps in ((id, 3), (f"{id}-fresh", 5)):
        view = await until(partial(_in_mirror, api, known), 15, f"the record of {known}")
        assert len(view["executionStack"]) == steps
        lines = (await api.json(f"{LIST}/{known}/logs"))["lines"]
        assert len(lines) == 2 * steps
    assert (await api.execute("placeOrder", DECLINED, execution_id=f"{id}-before")).json() == (
        before.json()
    )
    counts = (await api.json(LIST))["counts"]
    assert counts == {"COMPLETED": 2, "COMPENSATED": 1}


async def _in_mirror(api: Api, id: str) -> dict[str, Any] | None:
    view: dict[str, Any] = await api.view(id)
    return view if view["source"] == "sql" and view["ended_at"] else None


async def test_a_process_that_starts_meanwhile_recovers_by_itself(
    place: Place, worker: None, id: str
) -> None:
    with taken_away(place):
        async with open_api(place.settings) as api:
            answers = [
                await api.execute("free", BOOK, execution_id=id),
                await api.http.post("/api/execute/free", json=BOOK),
            ]
            for answer in answers:
                said = answer.json()
                assert (answer.status_code, said["code"]) == (503, "RULES_UNAVAILABLE")
                assert said["message"].startswith("the rules could not be read yet")
            ready = await api.get("/ready")
            assert (ready.status_code, ready.json()["status"]) == (503, "down")
            assert (await api.get("/health")).status_code == 200
            database_unavailable(await api.get(LIST))
            (place.home / "away").rename(place.home / "rules")

            async def started() -> httpx2.Response | None:
                tried = await api.execute("free", BOOK, execution_id=id)
                return tried if tried.status_code != 503 else None

            try:
                answer = await until(started, 15, "the rules to be read")
            finally:
                (place.home / "rules").rename(place.home / "away")
            assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")


async def test_a_worker_that_starts_meanwhile_recovers_by_itself(place: Place, id: str) -> None:
    queue = place.settings.model_copy(update={"task_queue": f"alone-{id}"})
    async with AsyncExitStack() as stack:
        alone = await stack.enter_async_context(open_api(queue))
        started = await alone.execute("free", BOOK, execution_id=id, mode="async")
        assert started.status_code == 202
        with taken_away(place):
            await stack.enter_async_context(open_worker(queue))
            joined = await alone.execute("free", BOOK, execution_id=id, wait_seconds=10)
            assert (joined.status_code, joined.json()["status"]) == (200, "COMPLETED")
        view = await until(partial(_in_mirror, alone, id), 15, "its record")
        assert len(view["executionStack"]) == 2


@pytest.mark.parametrize("path", ["", "?status=RUNNING", "?limit=1"])
async def test_lists_come_back(api: Api, place: Place, path: str) -> None:
    with taken_away(place):
        database_unavailable(await api.get(f"{LIST}{path}"))
    assert (await api.get(f"{LIST}{path}")).status_code == 200


async def test_it_is_degraded_after_the_next_reading_fails(api: Api, place: Place) -> None:
    """A name that is missing makes it read before its time; that fails, and says so."""
    with taken_away(place):

        async def degraded() -> object:
            unknown = await api.execute("zzz", BOOK)
            assert unknown.status_code == 404
            ready = await api.get("/ready")
            return ready if ready.json()["status"] == "degraded" else None

        answer = await until(degraded, 10, "the API to notice")
        assert isinstance(answer, httpx2.Response)
        assert answer.status_code == 200, "it still starts sagas"
        assert "unable to open database file" in answer.json()["rules"]
        assert answer.json()["chains"] > 0

    async def sound() -> bool:
        await api.execute("zzz", BOOK)
        return bool((await api.get("/ready")).json()["status"] == "ok")

    await until(sound, 10, "the API to recover")
