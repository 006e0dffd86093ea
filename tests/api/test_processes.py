"""Worker and API as processes: how they end, and what they say when they cannot run."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
from temporalio.client import Client

from activities.cluster import check_search_attributes
from dev import temporal_server as launcher
from dev.processes import ChildProcess, free_port, log_tail, wait_until
from dev.stack import ROOT
from dev.temporal_server import HOST, dev_server
from dev.tools import temporal_binary
from tests.api.gates import Gate
from tests.api.sites import (
    BOOK,
    Api,
    Place,
    client_of,
    new_place,
    only,
    open_api,
    open_worker,
    process,
    runs,
)
from tests.api.waiting import until

START_LIMIT = 20.0
LIST = "/api/saga/executions"


@contextmanager
def ready_worker(place: Place, log: str, **settings: str) -> Iterator[ChildProcess]:
    """A worker process that is ready."""
    with process(place, "worker", log, **settings) as worker:
        says(worker, "worker ready")
        yield worker


def says(child: ChildProcess, *words: str) -> None:
    """Wait until a process has said something."""
    for each in words:
        wait_until(partial(_said, child, each), START_LIMIT, each, child=child)


def _said(child: ChildProcess, words: str) -> bool:
    return words in child.log.read_text()


@asynccontextmanager
async def api_at(place: Place, log: str) -> AsyncIterator[tuple[ChildProcess, Api]]:
    """An API process, and a client of its socket."""
    port = free_port()
    with process(place, "api", log, CHAINSAGA_API_PORT=str(port)) as child:
        url = f"http://{HOST}:{port}"
        async with httpx2.AsyncClient(base_url=url, timeout=70, trust_env=False) as http:

            async def healthy() -> bool:
                child.check_alive()
                try:
                    return (await http.get("/health")).is_success
                except httpx2.TransportError:
                    return False

            await until(healthy, START_LIMIT, "the API")
            yield child, Api(http)


@pytest.fixture(scope="module")
async def api_process(place: Place) -> AsyncIterator[Api]:
    """One for all who need it."""
    async with api_at(place, "served") as (_child, api):
        yield api


async def completed(temporal: Client, workflow_id: str) -> list[tuple[str, int]]:
    """The activities that completed, each with its last attempt."""
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    begun: dict[int, tuple[str, int]] = {}
    names: dict[int, str] = {}
    done = []
    for event in history.events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            scheduled = event.activity_task_scheduled_event_attributes
            names[event.event_id] = scheduled.activity_type.name
        elif event.HasField("activity_task_started_event_attributes"):
            started = event.activity_task_started_event_attributes
            name = names[started.scheduled_event_id]
            begun[event.event_id] = (name, started.attempt)
        elif event.HasField("activity_task_completed_event_attributes"):
            done.append(begun[event.activity_task_completed_event_attributes.started_event_id])
    return done


@pytest.mark.parametrize(
    ("chain", "step", "signal_"),
    [
        pytest.param("gated", "gate", signal.SIGTERM, id="SIGTERM, on the loop"),
        pytest.param("threaded", "threadGate", signal.SIGINT, id="SIGINT, on a thread"),
    ],
)
async def test_a_stop_lets_the_running_step_end(
    api: Api,
    place: Place,
    temporal: Client,
    gate: Gate,
    *,
    id: str,
    chain: str,
    step: str,
    signal_: signal.Signals,
) -> None:
    with ready_worker(place, id) as worker:
        await api.execute(chain, gate.request(), execution_id=id, mode="async")
        await gate.entering()
        worker.send(signal_)
        says(worker, "worker stopping")
        assert worker.exit_code is None
        gate.open()
        assert worker.wait(15) == 0, log_tail(worker.log)
    assert "Traceback" not in worker.log.read_text()
    assert (step, 1) in await completed(temporal, f"1:{id}")
    # What is left, a later worker does; the ended step is not repeated.
    async with open_worker(place.settings):
        view = await api.ended(id)
    assert only(view, "status", "failed_step") == {"status": "COMPLETED", "failed_step": None}
    assert gate.entered == await runs(temporal, id) == 1


def refused(place: Place, command: str, log: str, **settings: str) -> str:
    """What a process says that cannot run, and ends by itself with 1."""
    with process(place, command, log, **settings) as child:
        assert child.wait(START_LIMIT) == 1, log_tail(child.log)
    return child.log.read_text()


MISSING = {"CHAINSAGA_COMPONENTS": "no.such.package"}
BROKEN = {"CHAINSAGA_COMPONENTS": "broken_components"}
# A process with its settings -> words of the refusal.
CANNOT: list[tuple[str, dict[str, str], list[str]]] = [
    ("worker", MISSING, ["components from 'no.such.package'", "CHAINSAGA_COMPONENTS"]),
    ("worker", BROKEN, ["'broken_components'", "no_such_library"]),
    ("api", MISSING, ["components from 'no.such.package'", "CHAINSAGA_COMPONENTS"]),
    ("worker", {"CHAINSAGA_REDIS_URL": "localhost"}, ["CHAINSAGA_REDIS_URL", "redis://"]),
    ("api", {"CHAINSAGA_WORKER_THREADS": "many"}, ["CHAINSAGA_WORKER_THREADS", "integer"]),
]


@pytest.mark.parametrize(("command", "settings", "words"), CANNOT)
def test_what_keeps_a_process_from_running_is_said_in_words(
    place: Place,
    tmp_path: Path,
    *,
    id: str,
    command: str,
    settings: dict[str, str],
    words: list[str],
) -> None:
    (tmp_path / "broken_components.py").write_text("import no_such_library\n")
    path = f"{ROOT}:{tmp_path}"
    said = refused(place, command, f"{id}-{command}", PYTHONPATH=path, **settings)
    assert [word for word in words if word not in said] == [], said
    assert "Traceback" not in said, said


async def test_without_search_attributes_it_names_the_command_that_helps(
    tmp_path: Path, id: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "SEARCH_ATTRIBUTES", {"SagaTenant": "Keyword"})
        with dev_server(temporal_binary(), log=tmp_path / "temporal.log") as server:
            place = new_place(tmp_path / "place", server.address)
            said = refused(place, "worker", "refused")
            for words in (
                "SagaStatus, SagaFailedStep, SagaBusinessKey, SagaRuleVersion",
                "chainsaga register-search-attributes",
            ):
                assert words in said
            assert "SagaTenant" not in said
            assert "Traceback" not in said
            with process(place, "register-search-attributes") as command:
                assert command.wait(START_LIMIT) == 0, log_tail(command.log)
            await check_search_attributes(await client_of(server.address))


async def test_it_waits_for_temporal_and_says_so(tmp_path: Path, id: str) -> None:
    port = free_port()
    place = new_place(tmp_path / "place", f"127.0.0.1:{port}")
    with process(place, "worker") as worker:
        says(worker, "Temporal does not answer, trying again")
        with dev_server(temporal_binary(), log=tmp_path / "temporal.log", port=port):
            says(worker, "worker ready")
            worker.send(signal.SIGTERM)
            assert worker.wait(10) == 0


def test_a_stop_while_it_waits_for_temporal(place: Place, id: str) -> None:
    with process(place, "worker", id, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}") as worker:
        says(worker, "Temporal does not answer, trying again")
        worker.send(signal.SIGTERM)
        assert worker.wait(10) == 0


async def test_a_worker_without_a_database_works_and_says_so(
    api: Api, place: Place, id: str
) -> None:
    """It cannot mirror, and does everything else."""
    settings = place.settings.model_copy(update={"task_queue": f"dark-{id}"})
    async with open_api(settings) as alone:
        with ready_worker(
            place,
            id,
            CHAINSAGA_TASK_QUEUE=settings.task_queue,
            CHAINSAGA_DATABASE_URL=f"sqlite:///{place.home}/nowhere/none.db",
        ) as worker:
            says(worker, "unable to open database file", "mirror_without_redis")
            says(worker, "the mirror was not compared with Temporal")
            ended = await alone.execute("free", BOOK, execution_id=id)
            assert (ended.status_code, ended.json()["status"]) == (200, "COMPLETED")
            worker.kill()  # it would try for a while to write what it still has


@pytest.mark.parametrize("odd", ["a/b c?d#e%", "%2F", "/a//b/", "order:42"])
async def test_ids_go_round_through_a_real_server(
    api_process: Api, api: Api, worker: None, odd: str
) -> None:
    """Inside one process the path comes ready-made; here a server has parsed it."""
    there = await api_process.execute("free", BOOK, "umbrella", execution_id=odd)
    assert (there.status_code, there.json()["execution_id"]) == (200, odd), there.text
    for link in ("self", "logs", "undo_plan"):
        path = there.json()["links"][link]
        answers = [(await each.json(path, "umbrella")) for each in (api_process, api)]
        for answer in answers:
            assert answer.pop("as_of")
        assert answers[0] == answers[1]
    assert (await api_process.view(quote(odd, safe=""), "umbrella"))["execution_id"] == odd


async def test_two_api_processes_give_one_execution(
    api_process: Api, api: Api, worker: None, temporal: Client, *, id: str, gate: Gate
) -> None:
    asked = [
        asyncio.create_task(each.execute("gated", gate.request(), execution_id=id))
        for each in (api_process, api) * 5
    ]
    await gate.entering()
    gate.open()
    answers = [await each for each in asked]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert gate.entered == await runs(temporal, id) == 1


async def test_an_api_process_that_stops_answers_those_who_wait(
    place: Place, worker: None, *, id: str, gate: Gate
) -> None:
    async with api_at(place, id) as (child, api):
        waiting = asyncio.create_task(api.execute("gated", gate.request(), execution_id=id))
        await gate.entering()
        child.send(signal.SIGTERM)
        gate.open()
        answer = await waiting
        assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
        # Having ended in order, the server ends by the signal that it was sent.
        assert child.wait(10) in (0, -signal.SIGTERM)
        assert "Traceback" not in child.log.read_text()
