"""Temporal stands still, dies, comes back: what the API says, and that nothing runs twice."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from dev.processes import free_port
from dev.temporal_server import DevServer, dev_server
from dev.tools import temporal_binary
from tests.api.gates import Gate
from tests.api.sites import (
    BOOK,
    DECLINED,
    Api,
    Place,
    client_of,
    environment_of,
    new_place,
    only,
    open_api,
    open_worker,
    runs,
)
from tests.api.waiting import until

LIST = "/api/saga/executions"
LIMIT = 10.0


@pytest.fixture(scope="module")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server that only the tests here stop."""
    log = tmp_path_factory.mktemp("temporal") / "server.log"
    with dev_server(temporal_binary(), log=log) as server:
        yield server


@pytest.fixture(scope="module")
async def before(api: Api, worker: None) -> str:
    """An execution from before any outage."""
    answer = await api.execute("placeOrder", DECLINED, execution_id="before")
    assert answer.json()["details"]["status"] == "COMPENSATED"
    return "before"


@asynccontextmanager
async def standstill(server: DevServer) -> AsyncIterator[None]:
    """The server takes connections and answers nothing."""
    server.process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send(signal.SIGCONT)


async def in_time(asked: Any) -> httpx2.Response:
    """An answer that came within the limit."""
    answer: httpx2.Response = await asyncio.wait_for(asked, LIMIT)
    return answer


async def awake(api: Api) -> None:
    """Wait until Temporal answers the API."""

    async def ready() -> bool:
        return (await api.get("/ready")).status_code == 200

    await until(ready, 15, "Temporal to answer again")


def unavailable(answer: httpx2.Response, id: str | None) -> None:
    """It says 503, and with which id the repeat is safe."""
    said = answer.json()
    assert (answer.status_code, said["code"]) == (503, "TEMPORAL_UNAVAILABLE"), answer.text
    assert said["details"] == ({"execution_id": id} if id else {})
    if id:
        assert f"safe to repeat the request with execution_id '{id}'" in said["message"]


async def test_a_standstill_and_the_repeat_after_it(
    api: Api, before: str, place: Place, temporal: Client, temporal_server: DevServer, *, id: str
) -> None:
    async with standstill(temporal_server), open_api(place.settings) as never_connected:
        first, nameless, ready, *fresh = await asyncio.gather(
            in_time(api.execute("placeOrder", BOOK, execution_id=id)),
            in_time(api.execute("placeOrder", BOOK)),
            in_time(api.get("/ready")),
            in_time(never_connected.execute("placeOrder", BOOK, execution_id=f"{id}-fresh")),
            in_time(never_connected.get("/ready")),
        )
    made = nameless.json()["details"]["execution_id"]
    ids = (id, made, f"{id}-fresh")
    for refused, known in zip((first, nameless, fresh[0]), ids, strict=True):
        unavailable(refused, known)
    for answer in (ready, fresh[1]):
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
        assert answer.json()["temporal"].startswith("does not answer")
    await awake(api)
    for known in ids:
        again = await api.execute("placeOrder", BOOK, execution_id=known)
        assert (again.status_code, again.json()["execution_id"]) == (200, known), again.text
        assert await runs(temporal, known) == 1
        another = await api.execute("placeOrder", DECLINED, execution_id=known)
        assert another.status_code == 409


# What needs no Temporal: path -> fields of the answer.
STILL: list[tuple[str, dict[str, Any]]] = [
    (f"{LIST}/before", {"source": "sql", "status": "COMPENSATED", "execution_id": "before"}),
    (f"{LIST}/before/undo-plan", {"source": "sql", "status": "COMPENSATED", "undo": []}),
    (f"{LIST}?chain=placeOrder&status=COMPENSATED", {"next_cursor": None}),
    ("/health", {"status": "ok"}),
]


async def test_what_still_answers_during_a_standstill(
    api: Api, before: str, temporal_server: DevServer
) -> None:
    async with standstill(temporal_server):
        log, in_memory, strong, unknown, repeated, *answers = await asyncio.gather(
            in_time(api.get(f"{LIST}/before/logs")),
            in_time(api.http.post("/api/execute/placeOrder", json=BOOK)),
            in_time(api.get(f"{LIST}/before", consistency="strong")),
            in_time(api.get(f"{LIST}/nobody")),
            in_time(api.execute("placeOrder", DECLINED, execution_id=before)),
            *(in_time(api.get(path)) for path, _ in STILL),
        )
    await awake(api)
    for answer, (path, fields) in zip(answers, STILL, strict=True):
        assert answer.status_code == 200, (path, answer.text)
        assert only(answer.json(), *fields) == fields
    assert len(log.json()["lines"]) == 14
    assert in_memory.json()["success"] is True
    assert repeated.status_code == 422, "its end is known"
    for refused in (strong, unknown):
        assert refused.status_code == 503
        assert refused.json()["code"] in ("TEMPORAL_UNAVAILABLE", "STATE_UNAVAILABLE")


async def test_a_standstill_while_someone_waits(
    api: Api, worker: None, temporal: Client, temporal_server: DevServer, *, id: str, gate: Gate
) -> None:
    waiting = asyncio.create_task(
        api.execute("gated", gate.request(), execution_id=id, wait_seconds=2)
    )
    await gate.entering()
    async with standstill(temporal_server):
        answer = await in_time(waiting)
        assert answer.status_code == 202, answer.text
        gate.open()
    await awake(api)
    again = await api.execute("gated", gate.request(), execution_id=id)
    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")
    assert gate.entered == await runs(temporal, id) == 1


async def test_a_crash_and_a_restart(tmp_path: Path, id: str, gate: Gate) -> None:
    port, data, log = free_port(), tmp_path / "temporal.db", tmp_path / "temporal.log"
    binary = temporal_binary()
    place = new_place(tmp_path / "place", f"127.0.0.1:{port}")
    with environment_of(place), dev_server(binary, log=log, database=data, port=port) as server:
        async with open_api(place.settings) as api:
            async with open_worker(place.settings):
                ended = await api.execute("placeOrder", BOOK, execution_id=f"{id}-ended")
                assert ended.status_code == 200
            await api.execute("placeOrder", BOOK, execution_id=id, mode="async")
            await until(partial(_in_mirror, api, id), 10, "its record")
            server.process.kill()
            fresh, joined, view, again, ready, health = await asyncio.gather(
                in_time(api.execute("free", BOOK, execution_id=f"{id}-new")),
                in_time(api.execute("placeOrder", BOOK, execution_id=id, wait_seconds=1)),
                in_time(api.get(f"{LIST}/{id}")),
                in_time(api.execute("placeOrder", BOOK, execution_id=f"{id}-ended")),
                in_time(api.get("/ready")),
                in_time(api.get("/health")),
            )
            unavailable(fresh, f"{id}-new")
            assert joined.status_code in (202, 503)
            assert only(view.json(), "source", "status") == {
                "source": "sql",
                "status": "RUNNING",
            }
            assert again.json() == ended.json()
            assert (ready.status_code, health.status_code) == (503, 200)
            # The same API process goes on with the server that comes back.
            with dev_server(binary, log=log, database=data, port=port):
                await awake(api)
                async with open_worker(place.settings):
                    done = await api.execute("placeOrder", BOOK, execution_id=id)
                    fresh = await api.execute("free", BOOK, execution_id=f"{id}-new")
                    assert (done.status_code, fresh.status_code) == (200, 200)
                    temporal = await client_of(place.temporal)
                    assert await runs(temporal, id) == 1
                    assert await runs(temporal, f"{id}-new") == 1


async def _in_mirror(api: Api, id: str) -> bool:
    return id in [item["execution_id"] for item in (await api.json(LIST))["items"]]


async def test_a_process_that_starts_before_temporal(tmp_path: Path, id: str) -> None:
    port = free_port()
    place = new_place(tmp_path / "place", f"127.0.0.1:{port}")
    with environment_of(place):
        async with open_api(place.settings) as api:
            unavailable(await in_time(api.execute("free", BOOK, execution_id=id)), id)
            for path in ("", "/logs", "/undo-plan", "?consistency=strong"):
                unavailable(await in_time(api.get(f"{LIST}/{id}{path}")), None)
            ready = await in_time(api.get("/ready"))
            assert (ready.status_code, ready.json()["status"]) == (503, "down")
            assert (await api.http.post("/api/execute/free", json=BOOK)).json()["success"] is True
            with dev_server(temporal_binary(), log=tmp_path / "temporal.log", port=port):
                await awake(api)
                async with open_worker(place.settings):
                    answer = await api.execute("free", BOOK, execution_id=id)
                    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
