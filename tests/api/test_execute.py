"""POST /api/saga/execute: its answers, the same id again, tenants, saga on and off."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client

from rules.source.repository import ChainRow
from tests.api.gates import Gate
from tests.api.sites import BOOK, DECLINED, Api, Place, load, only, open_api, runs

pytestmark = pytest.mark.usefixtures("worker")


async def test_sync_answers_with_the_result(api: Api, id: str) -> None:
    answer = await api.execute("placeOrder", BOOK, execution_id=id)
    assert answer.status_code == 200
    ended = answer.json()
    assert only(ended, "execution_id", "chain", "rule_version", "status", "context") == {
        "execution_id": id,
        "chain": "placeOrder",
        "rule_version": 1,
        "status": "COMPLETED",
        "context": {"order_id": id, "paid": 700},
    }
    assert ended["output"]["text"] == f"ada: order {id} is on its way"
    assert ended["links"]["self"] == f"/api/saga/executions/{id}"


async def test_an_id_is_made_where_none_is_given(api: Api) -> None:
    first, second = [(await api.execute("free", BOOK)).json() for _ in range(2)]
    assert first["execution_id"] != second["execution_id"]
    assert (await api.view(first["execution_id"]))["status"] == "COMPLETED"


FAILURES = [
    pytest.param(
        DECLINED,
        {"code": "CARD_DECLINED", "message": "the card was declined"},
        "pay",
        "COMPENSATED",
        id="refused after others were done",
    ),
    pytest.param(
        {**BOOK, "faults": {"createOrder": "refuse"}},
        {"code": "ASKED_TO_REFUSE", "message": "createOrder was asked to refuse"},
        "createOrder",
        "FAILED",
        id="refused by the first",
    ),
    pytest.param(
        {**BOOK, "faults": {"pay": "error_after"}},
        {"code": "STEP_FAILED", "message": "pay lost its answer, as asked"},
        "pay",
        "COMPENSATED",
        id="lost its answer",
    ),
    pytest.param(
        {"item": 7},
        {
            "code": "BAD_INPUT",
            "message": "component 'createOrder', parameter 'request': item: "
            "Input should be a valid string",
        },
        "createOrder",
        "FAILED",
        id="wrong shape",
    ),
]


@pytest.mark.parametrize(("request_", "said", "step", "status"), FAILURES)
async def test_a_failed_saga_says_what_failed(
    api: Api, id: str, *, request_: dict[str, Any], said: dict[str, str], step: str, status: str
) -> None:
    answer = await api.execute("placeOrder", request_, execution_id=id)
    assert answer.status_code == 422
    body = answer.json()
    assert set(body) == {"code", "message", "step", "details"}
    assert only(body, "code", "message") == said
    assert body["step"] == step
    assert only(body["details"], "execution_id", "status", "cause") == {
        "execution_id": id,
        "status": status,
        "cause": "failure",
    }
    view = await api.view(id)
    assert only(view, "status", "failed_step", "source") == {
        "status": status,
        "failed_step": step,
        "source": "sql",
    }
    assert view["error"]["code"] == said["code"]


async def test_async_answers_at_once_and_says_where_to_look(api: Api, id: str, gate: Gate) -> None:
    answer = await api.execute("gated", gate.request(), execution_id=id, mode="async")
    assert answer.status_code == 202
    assert only(answer.json(), "execution_id", "status") == {
        "execution_id": id,
        "status": "RUNNING",
    }
    where = answer.headers["Location"]
    assert where == answer.json()["links"]["self"]
    assert (await api.json(where))["status"] == "RUNNING"
    await api.json(f"{where}/logs")
    gate.open()
    assert (await api.ended(id))["status"] == "COMPLETED"


@pytest.mark.parametrize("seconds", [0, 0.3])
async def test_sync_waits_no_longer_than_asked(
    api: Api, id: str, gate: Gate, seconds: float
) -> None:
    begun = asyncio.get_running_loop().time()
    answer = await api.execute("gated", gate.request(), execution_id=id, wait_seconds=seconds)
    waited = asyncio.get_running_loop().time() - begun
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/api/saga/executions/{id}"
    assert seconds <= waited < seconds + 5
    gate.open()
    # The same request once more joins the execution and waits for its end.
    again = await api.execute("gated", gate.request(), execution_id=id)
    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")


async def test_the_same_id_while_it_runs_joins_the_execution(
    api: Api, temporal: Client, id: str, gate: Gate
) -> None:
    first = await api.execute("gated", gate.request(), execution_id=id, mode="async")
    await gate.entering()
    again = await api.execute("gated", gate.request(), execution_id=id, mode="async")
    assert (first.status_code, again.status_code) == (202, 202), again.text
    waiting = asyncio.create_task(api.execute("gated", gate.request(), execution_id=id))
    gate.open()
    assert (await waiting).json()["status"] == "COMPLETED"
    assert gate.entered == 1
    assert await runs(temporal, id) == 1


@pytest.mark.parametrize(
    ("request_", "status"), [(BOOK, 200), (DECLINED, 422)], ids=["completed", "failed"]
)
async def test_the_same_id_after_the_end_gives_the_same_answer(
    api: Api, temporal: Client, id: str, request_: dict[str, Any], status: int
) -> None:
    first = await api.execute("placeOrder", request_, execution_id=id)
    # Equal as JSON: the order of the keys says nothing.
    turned = dict(reversed(request_.items()))
    again = await api.execute("placeOrder", turned, execution_id=id)
    assert (first.status_code, again.status_code) == (status, status)
    assert again.json() == first.json()
    assert await runs(temporal, id) == 1


async def test_twenty_at_once_are_one_execution(
    api: Api, temporal: Client, id: str, gate: Gate
) -> None:
    many = [
        asyncio.create_task(api.execute("gated", gate.request(), execution_id=id))
        for _ in range(20)
    ]
    await gate.entering()
    gate.open()
    answers = [await one for one in many]
    assert Counter(answer.status_code for answer in answers) == {200: 20}, [
        answer.text for answer in answers if answer.status_code != 200
    ]
    assert len({answer.text for answer in answers}) == 1
    assert gate.entered == 1
    assert await runs(temporal, id) == 1


async def test_twenty_quick_ones_at_once_are_one_execution(
    api: Api, temporal: Client, id: str
) -> None:
    answers = await asyncio.gather(
        *(api.execute("placeOrder", BOOK, execution_id=id) for _ in range(20))
    )
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert await runs(temporal, id) == 1


ANOTHER = [
    pytest.param("gated", {"customer": "bob"}, id="another request"),
    pytest.param("threaded", {}, id="another chain"),
]


@pytest.mark.parametrize(("chain", "changed"), ANOTHER)
async def test_an_id_belongs_to_its_first_request(
    api: Api, temporal: Client, id: str, gate: Gate, *, chain: str, changed: dict[str, Any]
) -> None:
    await api.execute("gated", gate.request(), execution_id=id, mode="async")
    while_running = await api.execute(chain, gate.request(**changed), execution_id=id)
    gate.open()
    await api.ended(id)
    after = await api.execute(chain, gate.request(**changed), execution_id=id)
    for answer in (while_running, after):
        assert answer.status_code == 409
        assert answer.json()["code"] == "EXECUTION_CONFLICT"
        assert answer.json()["details"] == {"execution_id": id, "chain": "gated"}
        assert "use a new id" in answer.json()["message"]
    assert gate.entered == 1
    assert await runs(temporal, id) == 1


async def test_the_same_id_of_another_tenant_is_another_execution(
    api: Api, temporal: Client, id: str
) -> None:
    ours = await api.execute("placeOrder", BOOK, "acme", execution_id=id)
    theirs = await api.execute("placeOrder", DECLINED, "umbrella", execution_id=id)
    assert (ours.status_code, theirs.status_code) == (200, 422)
    assert (await api.view(id, "acme"))["request"] == BOOK
    assert (await api.view(id, "umbrella"))["request"] == DECLINED
    assert await runs(temporal, id, "acme") == await runs(temporal, id, "umbrella") == 1


@pytest.mark.parametrize(
    ("chain", "asked", "undone"),
    [
        pytest.param("placeOrder", {}, True, id="the chain is transactional"),
        pytest.param("placeOrder", {"saga": False}, False, id="switched off by the request"),
        pytest.param("free", {}, False, id="the chain is not transactional"),
        pytest.param("free", {"saga": True}, True, id="switched on by the request"),
    ],
)
async def test_saga_off_undoes_nothing(
    api: Api, id: str, chain: str, asked: dict[str, Any], undone: bool
) -> None:
    answer = await api.execute(chain, DECLINED, execution_id=id, **asked)
    status = "COMPENSATED" if undone else "FAILED"
    assert answer.status_code == 422
    assert answer.json()["details"]["status"] == status
    stack = {e["component"]: e["status"] for e in (await api.view(id))["executionStack"]}
    assert stack["createOrder"] == ("COMPENSATED" if undone else "COMPLETED")
    assert stack["pay"] == "FAILED"


async def test_a_terminated_saga_is_aborted(
    api: Api, temporal: Client, id: str, gate: Gate
) -> None:
    waiting = asyncio.create_task(api.execute("gated", gate.request(), execution_id=id))
    await gate.entering()
    await temporal.get_workflow_handle(f"1:{id}").terminate("by a test")
    answer = await waiting
    assert answer.status_code == 422
    assert answer.json()["code"] == "ABORTED"
    assert answer.json()["details"]["status"] == "ABORTED"
    assert "ABORTED" in answer.json()["message"]


async def test_a_cancelled_saga_is_undone_and_says_so(
    api: Api, temporal: Client, id: str, gate: Gate
) -> None:
    waiting = asyncio.create_task(api.execute("gated", gate.request(), execution_id=id))
    await gate.entering()
    await temporal.get_workflow_handle(f"1:{id}").cancel()
    gate.open()
    answer = await waiting
    assert answer.status_code == 422
    assert only(answer.json()["details"], "status", "cause") == {
        "status": "CANCELLED",
        "cause": "cancel",
    }
    view = await api.view(id)
    assert [entry["status"] for entry in view["executionStack"]] == ["COMPENSATED"] * 2


async def test_a_known_id_answers_after_its_chain_was_changed_or_taken_away(
    api: Api, place: Place, id: str, gate: Gate
) -> None:
    chain = ChainRow(tenant="", name=f"c-{id}", text="THEN(createOrder, gate);")
    load(place.settings, [chain])
    async with open_api(place.settings) as before:
        ids = [f"{id}-ended", f"{id}-running"]
        ended = await before.execute(chain.name, BOOK, execution_id=ids[0])
        assert (ended.status_code, ended.json()["rule_version"]) == (200, 1)
        await before.execute(chain.name, gate.request(), execution_id=ids[1], mode="async")
    load(place.settings, [replace(chain, text="THEN(createOrder, pay);")])
    async with open_api(place.settings) as changed:
        assert (await changed.execute(chain.name, BOOK)).json()["rule_version"] == 2
        again = await changed.execute(chain.name, BOOK, execution_id=ids[0])
        running = await changed.execute(
            chain.name, gate.request(), execution_id=ids[1], mode="async"
        )
        assert again.json() == ended.json()
        assert (running.status_code, running.json()["rule_version"]) == (202, 1)
    load(place.settings, [replace(chain, enabled=False)])
    async with open_api(place.settings) as away:
        refused = await away.execute(chain.name, BOOK)
        assert (refused.status_code, refused.json()["code"]) == (409, "CHAIN_DISABLED")
        again = await away.execute(chain.name, BOOK, execution_id=ids[0])
        assert (again.status_code, again.json()) == (200, ended.json())
        gate.open()
        joined = await away.execute(chain.name, gate.request(), execution_id=ids[1])
        assert (joined.status_code, joined.json()["output"]) == (200, "passed")
