"""POST /api/execute/route and /api/saga/execute/route: chains that the request chooses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from api.routes import saga_id
from dev.temporal_server import DevServer
from tests.api.deciding import CAMPAIGN, CHAINS, CHANGING, OPEN_ROUTES, UNDONE
from tests.api.sites import Api, Place, environment_of, load, new_place, only, open_api, runs

SETTINGS: Any = {
    "components": "tests.api.deciding",
    "route_namespaces": "campaign, changing,empty",
}


def _furnished(home: Path, temporal: str) -> Place:
    place = new_place(home, temporal, **SETTINGS)
    load(place.settings, CHAINS, tenants=["1"])
    load(place.settings, CAMPAIGN, namespace="campaign", tenants=["1"])
    load(place.settings, CHANGING, namespace="changing", tenants=["1"])
    load(place.settings, CHANGING, namespace="unserved", tenants=["1"])
    return place


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Decision tables in three namespaces, of which two are served."""
    place = _furnished(tmp_path_factory.mktemp("place"), temporal_server.address)
    with environment_of(place):
        yield place


@pytest.fixture(autouse=True)
def closed_routes() -> Iterator[None]:
    yield
    OPEN_ROUTES.clear()


async def ask(api: Api, path: str, tenant: str = "1", **body: Any) -> tuple[int, Any]:
    """Status and answer of a request for routes."""
    answer = await api.http.post(path, json=body, headers={"X-Tenant-Id": tenant})
    return answer.status_code, answer.json()


async def memory(api: Api, request: Any, tenant: str = "1", **body: Any) -> tuple[int, Any]:
    return await ask(api, "/api/execute/route", tenant, request=request, **body)


async def sagas(api: Api, request: Any, tenant: str = "1", **body: Any) -> tuple[int, Any]:
    return await ask(api, "/api/saga/execute/route", tenant, request=request, **body)


# The request, and for each chain that matches its step string and code, in order.
IN_MEMORY: list[tuple[int, str | None, list[tuple[str, str, str | None]]]] = [
    (11, "campaign", []),
    (3, None, [("b-small", "put", None)]),
    (12, None, [("a-even", "put==>put", None)]),
    (
        4,
        None,
        [
            ("a-even", "put==>put", None),
            ("b-small", "put", None),
            ("c-fails", "put==>drop", "DROPPED"),
            ("f-unsound", "", "CHAIN_INVALID"),
        ],
    ),
    (3, "default", [("b-small", "put", None)]),
    (
        3,
        "campaign",
        [
            ("x", "put==>put==>put==>put", None),
            ("y", "put==>put==>put==>put==>put", None),
        ],
    ),
]


@pytest.mark.parametrize(("request_", "namespace", "expected"), IN_MEMORY)
async def test_matching_chains_run_in_memory(
    api: Api, request_: int, namespace: str | None, expected: list[tuple[str, str, str | None]]
) -> None:
    status, said = await memory(api, request_, namespace=namespace)
    if not expected:
        assert (status, said["code"]) == (422, "NO_ROUTE_MATCHED")
        return
    assert status == 200
    assert [(one["chain"], one["steps"], one["code"]) for one in said] == expected
    assert [one["success"] for one in said] == [code is None for _, _, code in expected]
    ids = [one["request_id"] for one in said]
    assert len(set(ids)) == len(ids)


async def test_each_matching_chain_has_a_context_of_its_own(api: Api) -> None:
    _, said = await memory(api, 4)
    assert [one["context"] for one in said] == [{"put": [4, 4]}, {"put": [4]}, {"put": [4]}, {}]


async def test_undo_where_it_is_asked_for(api: Api) -> None:
    answer = await api.http.post("/api/execute/route", params={"saga": "true"}, json={"request": 4})
    (failed,) = [one for one in answer.json() if one["code"] == "DROPPED"]
    assert failed["execution"]["status"] == "COMPENSATED"
    assert failed["request_id"] in UNDONE


async def test_by_its_name_a_chain_runs_without_its_route(api: Api) -> None:
    for name in ("b-small", "d-torn", "e-wrong"):
        answer = await api.http.post(f"/api/execute/{name}", json=99)
        assert (answer.status_code, answer.json()["steps"]) == (200, "put")


async def test_no_route_matches(api: Api) -> None:
    for path in ("/api/execute/route", "/api/saga/execute/route"):
        status, said = await ask(api, path, request=11)
        assert (status, said["code"]) == (422, "NO_ROUTE_MATCHED")
        details = said["details"]
        # One that is switched off is not asked.
        assert details["asked"] == ROUTED
        assert details["failed"]["d-torn"] == "torn"
        assert "a route must be a boolean component" in details["failed"]["e-wrong"]


ROUTED = ["a-even", "b-small", "c-fails", "d-torn", "e-wrong", "f-unsound"]

# Tenant and namespace without routes.
WITHOUT = [("acme", None), ("1", "empty"), ("1", "unserved"), ("1", "nowhere"), ("1", "Campaign")]


@pytest.mark.parametrize(("tenant", "namespace"), WITHOUT)
async def test_no_chain_has_a_route(api: Api, tenant: str, namespace: str | None) -> None:
    for path in ("/api/execute/route", "/api/saga/execute/route"):
        status, said = await ask(api, path, tenant, request=3, namespace=namespace)
        assert (status, said["code"]) == (404, "ROUTE_CHAIN_NOT_FOUND")
        assert said["details"]["served"] == ["default", "campaign", "changing", "empty"]


WRONG: list[dict[str, Any]] = [
    {"requset": 1},
    {"namespace": ""},
    {"execution_id": "x" * 81},
    {"execution_id": " "},
    {"execution_id": "ends/logs"},
    {"wait_seconds": 61},
]


@pytest.mark.parametrize("body", WRONG, ids=str)
async def test_what_cannot_be_read_is_refused(api: Api, body: dict[str, Any]) -> None:
    status, said = await ask(api, "/api/saga/execute/route", **body)
    assert (status, said["code"]) == (422, "REQUEST_INVALID")


@pytest.mark.usefixtures("worker")
async def test_each_matching_chain_is_a_saga(api: Api, temporal: Client, id: str) -> None:
    status, said = await sagas(api, 4, execution_id=id, business_key="four")
    assert status == 200, said
    assert only(said, "execution_id", "namespace") == {"execution_id": id, "namespace": "default"}
    even, small, fails, unsound = said["sagas"]
    for one, chain in ((even, "a-even"), (small, "b-small")):
        assert only(one, "chain", "execution_id", "status", "output", "error") == {
            "chain": chain,
            "execution_id": f"{id}.{chain}",
            "status": "COMPLETED",
            "output": 4,
            "error": None,
        }
    assert even["context"] == {"put": [4, 4]}
    assert only(fails, "status", "output") == {"status": "COMPENSATED", "output": None}
    assert only(fails["error"], "code", "step") == {"code": "DROPPED", "step": "drop"}
    assert only(unsound, "execution_id", "status", "links") == dict.fromkeys(
        ("execution_id", "status", "links")
    )
    assert unsound["error"]["code"] == "CHAIN_INVALID"
    view = await api.view(f"{id}.a-even")
    assert only(view, "chain", "business_key", "steps") == {
        "chain": "a-even",
        "business_key": "four",
        "steps": "put==>put",
    }
    # Again, and nothing is started twice.
    assert await sagas(api, 4, execution_id=id) == (200, said)
    assert [await runs(temporal, f"{id}.{one}") for one in ROUTED] == [1, 1, 1, 0, 0, 0]


@pytest.mark.usefixtures("worker")
async def test_a_repeated_request_keeps_what_was_chosen(
    api: Api, temporal: Client, id: str
) -> None:
    OPEN_ROUTES.add("one")
    first = await sagas(api, 1, namespace="changing", execution_id=id)
    assert [one["chain"] for one in first[1]["sagas"]] == ["one"]
    assert first[1]["sagas"][0]["execution_id"] == f"{id}.changing.one"
    OPEN_ROUTES.clear()
    assert await sagas(api, 1, namespace="changing", execution_id=id) == first
    # What has not been started yet is started.
    OPEN_ROUTES.update({"two", "three"})
    status, said = await sagas(api, 1, namespace="changing", execution_id=id)
    assert status == 200
    assert [(one["chain"], one["status"]) for one in said["sagas"]] == [
        ("one", "COMPLETED"),
        ("two", "COMPLETED"),
        ("下单", "COMPLETED"),
    ]
    chinese = said["sagas"][2]["execution_id"]
    assert chinese == f"{id}.changing.%E4%B8%8B%E5%8D%95"
    assert (await api.json(said["sagas"][2]["links"]["self"]))["chain"] == "下单"
    assert [await runs(temporal, one["execution_id"]) for one in said["sagas"]] == [1, 1, 1]


@pytest.mark.usefixtures("worker")
async def test_another_request_under_the_same_id_is_a_conflict(api: Api, id: str) -> None:
    assert (await sagas(api, 3, execution_id=id))[0] == 200
    status, said = await sagas(api, 5, execution_id=id)
    assert (status, said["code"]) == (409, "EXECUTION_CONFLICT")


async def test_nobody_waits_where_nobody_should(api: Api, id: str) -> None:
    status, said = await sagas(api, 3, execution_id=id, mode="async")
    assert status == 202
    assert [(one["chain"], one["status"]) for one in said["sagas"]] == [("b-small", "RUNNING")]
    made = (await sagas(api, 3, mode="async"))[1]["execution_id"]
    assert (await sagas(api, 3, mode="async", execution_id=made))[0] in (200, 202)


async def test_without_temporal_the_id_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = _furnished(tmp_path_factory.mktemp("alone"), "127.0.0.1:1")
    with environment_of(place):
        async with open_api(place.settings) as api:
            assert (await memory(api, 4))[0] == 200
            status, said = await sagas(api, 4, execution_id="told")
            assert (status, said["code"]) == (503, "TEMPORAL_UNAVAILABLE")
            assert said["details"] == {"execution_id": "told"}


LONG = "l" * 100
IDS = [
    ("order-1", "pay", None, "order-1.pay"),
    ("order-1", "pay", "n1", "order-1.n1.pay"),
    ("order-1", "a/logs", None, "order-1.a%2Flogs"),
    ("order-1", "支付", None, "order-1.%E6%94%AF%E4%BB%98"),
    ("i" * 27, LONG, None, f"{'i' * 27}.{LONG}"),
]


@pytest.mark.parametrize(("id_", "chain", "namespace", "expected"), IDS)
def test_the_id_of_a_saga(id_: str, chain: str, namespace: str | None, expected: str) -> None:
    assert saga_id(id_, chain, namespace) == expected


def test_a_long_id_ends_in_a_hash() -> None:
    ids = {saga_id("i" * 80, chain, None) for chain in (LONG, LONG + "x", "支" * 20)}
    assert len(ids) == 3
    assert all(len(one) <= 128 and one.startswith("i" * 80 + ".") for one in ids)
