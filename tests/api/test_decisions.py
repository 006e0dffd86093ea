"""Decisions over HTTP and from the `temporal` command: one thing, with one verdict."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dev.temporal_server import DevServer
from dev.tools import temporal_binary
from tests.api.sites import BOOK, Api, environment_of, new_place, open_api, open_worker
from tests.api.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

MANUAL: dict[str, Any] = {"pay": {"on_failure": {"strategy": "MANUAL"}}}
REFUSED: dict[str, Any] = {**BOOK, "faults": {"pay": "refuse"}}


async def post(api: Api, id: str, what: str, tenant: str = "1", **body: object) -> httpx2.Response:
    return await api.http.post(
        f"/api/saga/executions/{id}/{what}", json=body, headers={"X-Tenant-Id": tenant}
    )


async def waiting(api: Api, id: str, **more: Any) -> None:
    """A saga that waits for a person to decide about `pay`."""
    answer = await api.execute("placeOrder", REFUSED, execution_id=id, overrides=MANUAL, **more)
    assert (answer.status_code, answer.json()["status"]) == (202, "WAITING_DECISION")


async def test_sync_answers_as_soon_as_a_person_is_needed(api: Api, id: str) -> None:
    async with asyncio.timeout(10):
        await waiting(api, id, wait_seconds=60)
    view = await api.view(id, consistency="strong")
    assert view["status"] == "WAITING_DECISION"
    assert (await post(api, id, "cancel")).status_code == 200
    assert (await api.ended(id))["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("what", "body", "end"),
    [
        ("skip", {"operator": "ann"}, ("COMPLETED", None)),
        ("manual-decision", {"action": "skip"}, ("COMPLETED", None)),
        ("compensate", {"reason": "enough"}, ("COMPENSATED", "operator")),
        ("manual-decision", {"action": "compensate"}, ("COMPENSATED", "operator")),
        ("cancel", {"operator": "ann"}, ("CANCELLED", "cancel")),
    ],
)
async def test_a_decision_is_carried_out(
    api: Api, id: str, what: str, body: dict[str, Any], end: tuple[str, str | None]
) -> None:
    await waiting(api, id)
    answer = await post(api, id, what, **body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"] == "accepted"
    view = await api.ended(id)
    assert (view["status"], view["cause"]) == end


async def test_retry_runs_the_step_again_and_waits_again(api: Api, id: str) -> None:
    await waiting(api, id)
    assert (await post(api, id, "retry", decision_id="one")).json()["path"] == "0.2"

    async def again() -> bool:
        view = await api.view(id, consistency="strong")
        pay = next(entry for entry in view["executionStack"] if entry["component"] == "pay")
        return bool(view["status"] == "WAITING_DECISION" and pay["attempts"] == 2)

    await until(again, 10, "the second wait")
    repeated = await post(api, id, "retry", decision_id="one")
    assert repeated.status_code == 200, "the same decision is no second one"
    assert (await post(api, id, "skip")).status_code == 200
    assert (await api.ended(id))["status"] == "COMPLETED"


async def test_rejections_say_why(api: Api, id: str) -> None:
    await waiting(api, id)
    for body, words in (
        ({"step": "notify"}, "'notify' does not wait for a decision"),
        ({"step": "nowhere"}, "'nowhere' does not wait"),
    ):
        answer = await post(api, id, "retry", **body)
        assert (answer.status_code, answer.json()["code"]) == (409, "DECISION_REJECTED")
        assert words in answer.json()["message"]
    assert (await post(api, id, "manual-decision")).status_code == 409
    assert (await post(api, id, "retry", setp="pay")).status_code == 422
    assert (await post(api, id, "retry", tenant="acme")).status_code == 404
    assert (await post(api, "nobody", "retry")).json()["code"] == "EXECUTION_UNKNOWN"
    assert (await post(api, id, "skip")).status_code == 200
    await api.ended(id)
    for what in ("retry", "skip", "compensate", "cancel"):
        late = await post(api, id, what)
        assert (late.status_code, late.json()["code"]) == (409, "COMPLETED")


async def test_two_racing_have_one_winner(api: Api, id: str) -> None:
    await waiting(api, id)
    answers = await asyncio.gather(
        *(post(api, id, "skip", operator=f"operator-{n}") for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    assert (await api.ended(id))["status"] == "COMPLETED"


async def test_a_signal_from_the_command_is_the_same_decision(
    api: Api, id: str, temporal_server: DevServer
) -> None:
    await waiting(api, id)
    decision = {"decision_id": "by-hand", "operator": "bob", "action": "compensate"}
    signal = [str(temporal_binary()), "workflow", "signal", "--address", temporal_server.address]
    signal += ["--workflow-id", f"1:{id}", "--name", "manual_decision"]
    process = await asyncio.create_subprocess_exec(*signal, "--input", json.dumps(decision))
    assert await process.wait() == 0
    view = await api.ended(id)
    assert (view["status"], view["cause"]) == ("COMPENSATED", "operator")
    late = await post(api, id, "skip")
    assert late.status_code == 409


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"nope": {"timeout": 1}}, "no such component"),
        ({"isVip": {"on_failure": {"strategy": "IGNORE"}}}, "a condition cannot ignore"),
    ],
)
async def test_overrides_that_cannot_be(
    api: Api, id: str, overrides: dict[str, Any], words: str
) -> None:
    answer = await api.execute("vipOrder", BOOK, execution_id=id, overrides=overrides)
    assert (answer.status_code, answer.json()["code"]) == (422, "OVERRIDE_INVALID")
    assert words in answer.json()["message"]


async def test_a_chains_limit(api: Api, id: str) -> None:
    held = {"pay": {"timeout": 1.0}}
    request = {**BOOK, "faults": {"pay": "timeout_then_refuse"}}
    answer = await api.execute("placeOrder", request, execution_id=id, timeout=0.5, overrides=held)
    assert (answer.status_code, answer.json()["code"]) == (422, "CHAIN_TIMEOUT")
    view = await api.ended(id)
    assert (view["status"], view["cause"]) == ("COMPENSATED", "timeout")


async def test_without_a_worker_the_decision_waits_in_temporal(
    temporal_server: DevServer, tmp_path: Path, id: str
) -> None:
    place = new_place(tmp_path, temporal_server.address)
    with environment_of(place):
        async with open_api(place.settings) as api:
            async with open_worker(place.settings):
                await waiting(api, id)
            answer = await post(api, id, "skip", decision_id="later")
            assert (answer.status_code, answer.json()["verdict"]) == (202, None)
            async with open_worker(place.settings):
                assert (await api.ended(id, limit=40))["status"] == "COMPLETED"
