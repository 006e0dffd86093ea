"""Sagas that are started without the API: by Temporal's own command."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from dev.tools import temporal_binary
from tests.api.gates import Gate
from tests.api.sites import BOOK, Api, Place, only, open_api, runs
from tests.api.waiting import until

LIST = "/api/saga/executions"


async def start(place: Place, chain: str, workflow_id: str, request: object = None) -> None:
    """`temporal workflow start`, as a person types it."""
    given = [] if request is None else ["--input", json.dumps(request)]
    running = await asyncio.create_subprocess_exec(
        *(temporal_binary(), "workflow", "start", "--address", place.temporal),
        *("--type", chain, "--workflow-id", workflow_id, *given),
        *("--task-queue", place.settings.task_queue),
        env={**os.environ, "TEMPORAL_CONFIG_FILE": os.devnull},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()


async def test_it_runs_and_is_seen_like_any_other(
    worker: None, place: Place, api: Api, temporal: Client, id: str
) -> None:
    await start(place, "placeOrder", f"acme:{id}", {"item": "book"})
    await temporal.get_workflow_handle(f"acme:{id}").result()
    view = await api.view(id, "acme")
    assert only(view, "tenant", "status", "request", "rule_version", "source") == {
        "tenant": "acme",
        "status": "COMPLETED",
        "request": {"item": "book"},
        "rule_version": 1,
        "source": "sql",
    }
    assert id in [item["execution_id"] for item in (await api.json(LIST, "acme"))["items"]]
    assert len((await api.json(f"{LIST}/{id}/logs", "acme"))["lines"]) == 10
    described = await temporal.get_workflow_handle(f"acme:{id}").describe()
    attributes = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert only(attributes, "SagaTenant", "SagaStatus", "SagaRuleVersion") == {
        "SagaTenant": "acme",
        "SagaStatus": "COMPLETED",
        "SagaRuleVersion": 1,
    }


async def test_without_input_the_request_is_nothing(
    worker: None, place: Place, api: Api, temporal: Client, id: str
) -> None:
    await start(place, "placeOrder", f"1:{id}")
    view = await api.ended(id)
    assert only(view, "status", "failed_step", "request") == {
        "status": "FAILED",
        "failed_step": "createOrder",
        "request": None,
    }
    assert view["error"]["code"] == "BAD_INPUT"


@pytest.mark.parametrize("ended", [False, True], ids=["running", "ended"])
async def test_a_post_under_its_id_knows_its_request(
    worker: None, place: Place, api: Api, temporal: Client, gate: Gate, *, id: str, ended: bool
) -> None:
    request: dict[str, Any] = gate.request(item="book")
    await start(place, "gated", f"1:{id}", request)
    await gate.entering()
    if ended:
        gate.open()
        await api.ended(id)
    else:
        # The mirror has heard of its steps only, which do not tell the request.
        await until(lambda: _listed(api, id), 10, "its record")
    equal = await api.execute("gated", request, execution_id=id, mode="async")
    another = await api.execute("gated", {**request, "quantity": 2}, execution_id=id)
    elsewhere = await api.execute("placeOrder", request, execution_id=id)
    gate.open()
    joined = await api.execute("gated", request, execution_id=id)
    assert (equal.status_code, equal.json()["rule_version"]) == (202, 1), equal.text
    for answer in (another, elsewhere):
        assert (answer.status_code, answer.json()["code"]) == (409, "EXECUTION_CONFLICT")
    assert (joined.status_code, joined.json()["status"]) == (200, "COMPLETED")
    assert gate.entered == await runs(temporal, id) == 1


async def _listed(api: Api, id: str) -> bool:
    return id in [item["execution_id"] for item in (await api.json(LIST))["items"]]


async def test_a_post_before_any_worker_began_it_says_to_come_back(
    place: Place, tmp_path: Path, id: str
) -> None:
    nobody = place.settings.model_copy(update={"task_queue": f"nobody-{id}"})
    alone = Place(tmp_path, nobody, place.temporal)
    await start(alone, "placeOrder", f"1:{id}", BOOK)
    async with open_api(nobody) as api:
        answer = await api.execute("placeOrder", BOOK, execution_id=id)
        assert (answer.status_code, answer.json()["code"]) == (503, "STATE_UNAVAILABLE")
        assert "started by hand" in answer.json()["message"]


REFUSED = [
    ("placeOrdr", "1:ID", "CHAIN", "tenant 1 has no chain 'placeOrdr'; did you mean 'placeOrder'?"),
    ("placeOrder", "nobody:ID", "CHAIN", "tenant nobody has no chain 'placeOrder'"),
    ("switchedOff", "1:ID", "CHAIN", "'switchedOff' of tenant 1 is disabled or not published"),
    ("unsound", "1:ID", "CHAIN", "unsound:2:12: error: missing ',' between 'pay' and 'notify'"),
    (
        "placeOrder",
        "ID",
        "TENANT_MISSING",
        "--workflow-id TENANT:EXECUTION, for example 1:order",
    ),
    ("placeOrder", ":ID", "TENANT_MISSING", "names no tenant"),
    ("placeOrder", "a b:ID", "TENANT_MISSING", "names no tenant"),
    ("placeOrder", "ID:", "EXECUTION_ID_INVALID", "1 to 128 printable characters"),
]


@pytest.mark.parametrize(("chain", "workflow_id", "kind", "words"), REFUSED)
async def test_what_cannot_run_fails_at_once_and_says_why(
    worker: None,
    place: Place,
    temporal: Client,
    id: str,
    *,
    chain: str,
    workflow_id: str,
    kind: str,
    words: str,
) -> None:
    name = workflow_id.replace("ID", id)
    await start(place, chain, name, BOOK)
    handle = temporal.get_workflow_handle(name)

    async def closed() -> bool:
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await until(closed, 10, f"the end of {name}")
    assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
    history = await handle.fetch_history()
    failure = history.events[-1].workflow_execution_failed_event_attributes.failure
    assert words in failure.message
    assert kind in failure.application_failure_info.type.upper()
    assert not [
        event for event in history.events if event.HasField("workflow_task_failed_event_attributes")
    ]
