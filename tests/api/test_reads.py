"""Lists, details, logs and undo plans: filters, pages, tenants, odd ids."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import pytest
from structlog.testing import capture_logs

from activities.mirror.views import Cursor
from tests.api.gates import Gate
from tests.api.sites import BOOK, DECLINED, Api, only
from tests.api.waiting import until

pytestmark = pytest.mark.usefixtures("worker")

LIST = "/api/saga/executions"


@dataclass(frozen=True)
class Books:
    """What the tenant `ledger` has done; no other test acts as this tenant."""

    between: datetime
    running: Gate


@pytest.fixture(scope="module")
async def books(
    api: Api, worker: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Books]:
    gate = Gate(tmp_path_factory.mktemp("books") / "gate")
    refused = {**BOOK, "faults": {"createOrder": "refuse"}}
    await api.execute("placeOrder", BOOK, "ledger", execution_id="a", business_key="ada")
    await api.execute("placeOrder", DECLINED, "ledger", execution_id="b", business_key="bob")
    await api.execute("placeOrder", refused, "ledger", execution_id="c")
    between = datetime.now(UTC)
    await api.execute("free", DECLINED, "ledger", execution_id="d", business_key="ada")
    await api.execute(
        "gated", gate.request(), "ledger", execution_id="e", mode="async", business_key="Ada"
    )
    await gate.entering()

    async def listed() -> bool:
        return len((await api.json(LIST, "ledger"))["items"]) == 5

    await until(listed, 10, "the list to hold all five")
    yield Books(between, gate)
    gate.open()
    await api.ended("e", "ledger")


# Filter -> ids, newest first, and counts by status: of all that the filter finds, but for status.
ALL = {"COMPLETED": 1, "COMPENSATED": 1, "FAILED": 2, "RUNNING": 1}
FILTERS: list[tuple[str, dict[str, str], str, dict[str, int]]] = [
    ("everything", {}, "edcba", ALL),
    ("status", {"status": "FAILED"}, "dc", ALL),
    ("another status", {"status": "RUNNING"}, "e", ALL),
    ("no such status", {"status": "ABORTED"}, "", ALL),
    ("chain", {"chain": "free"}, "d", {"FAILED": 1}),
    ("no such chain", {"chain": "PlaceOrder"}, "", {}),
    ("business key", {"business_key": "ada"}, "da", {"COMPLETED": 1, "FAILED": 1}),
    ("failed step", {"failed_step": "pay"}, "db", {"COMPENSATED": 1, "FAILED": 1}),
    ("two at once", {"failed_step": "pay", "chain": "free"}, "d", {"FAILED": 1}),
    ("from", {"started_from": "BETWEEN"}, "ed", {"FAILED": 1, "RUNNING": 1}),
    (
        "to",
        {"started_to": "BETWEEN"},
        "cba",
        {"COMPLETED": 1, "COMPENSATED": 1, "FAILED": 1},
    ),
]


@pytest.mark.parametrize(
    ("asked", "ids", "counts"), [case[1:] for case in FILTERS], ids=[case[0] for case in FILTERS]
)
async def test_list(
    api: Api, books: Books, asked: dict[str, str], ids: str, counts: dict[str, int]
) -> None:
    query = {k: v.replace("BETWEEN", books.between.isoformat()) for k, v in asked.items()}
    page = await api.json(LIST, "ledger", **query)
    assert [item["execution_id"] for item in page["items"]] == list(ids)
    assert page["counts"] == counts
    assert page["next_cursor"] is None
    assert datetime.fromisoformat(page["as_of"]) >= books.between


async def test_list_shows_what_an_operator_looks_for(api: Api, books: Books) -> None:
    items = {item["execution_id"]: item for item in (await api.json(LIST, "ledger"))["items"]}
    wanted = ("chain", "status", "cause", "failed_step", "business_key", "tenant")
    assert only(items["b"], *wanted) == {
        "chain": "placeOrder",
        "status": "COMPENSATED",
        "cause": "failure",
        "failed_step": "pay",
        "business_key": "bob",
        "tenant": "ledger",
    }
    assert items["b"]["error"]["message"] == "the card was declined"
    assert items["e"]["ended_at"] is None
    assert "executionStack" not in items["b"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 200])
async def test_pages_join_to_the_whole(api: Api, books: Books, limit: int) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.json(LIST, "ledger", limit=str(limit), **cursor)
        assert page["counts"] == ALL
        seen += [item["execution_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list("edcba")


async def test_pages_hold_still_while_executions_come(api: Api) -> None:
    for id in "abcd":
        await api.execute("free", BOOK, "pages", execution_id=id)
    first = await api.json(LIST, "pages", limit="2")
    await api.execute("free", BOOK, "pages", execution_id="new")
    rest = await api.json(LIST, "pages", limit="2", cursor=first["next_cursor"])
    assert [i["execution_id"] for i in (*first["items"], *rest["items"])] == list("dcba")
    assert rest["next_cursor"] is None


async def test_a_cursor_opens_nothing_of_another_tenant(api: Api, books: Books) -> None:
    cursor = Cursor(started_at=datetime.now(UTC), execution_id="~").encode()
    page = await api.json(LIST, "umbrella", cursor=cursor)
    assert page["items"] == []


# What a stranger asks for, under the id of an execution of the tenant `ledger`.
PATHS = ["", "/logs", "/undo-plan", "?consistency=strong"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("id", ["a", "e"])
async def test_nobody_sees_another_tenants_executions(
    api: Api, books: Books, id: str, path: str
) -> None:
    ours = await api.get(f"{LIST}/{id}{path}", "ledger")
    theirs = await api.get(f"{LIST}/{id}{path}", "acme")
    assert ours.status_code == 200
    assert (theirs.status_code, theirs.json()["code"]) == (404, "EXECUTION_UNKNOWN")
    assert theirs.json()["message"] == f"this tenant has no execution '{id}'"


async def test_a_list_holds_no_other_tenants_executions(api: Api, books: Books, id: str) -> None:
    await api.execute("free", BOOK, "acme", execution_id=id)
    ids = {item["execution_id"] for item in (await api.json(LIST, "acme"))["items"]}
    assert id in ids
    assert ids.isdisjoint("abcde")
    assert id not in [i["execution_id"] for i in (await api.json(LIST, "ledger"))["items"]]


async def test_detail_of_a_compensated_saga(api: Api, books: Books) -> None:
    view = await api.view("b", "ledger")
    stack = {entry["component"]: entry for entry in view["executionStack"]}
    assert view["steps"].startswith("createOrder[open the order]==>")
    assert view["steps"].endswith("==>pay[take the money]")
    assert {name: only(e, "status", "outcome", "compensation") for name, e in stack.items()} == {
        "createOrder": _undone("deleteOrder"),
        "deductStock": _undone("restoreStock"),
        "freezeCoupon": _undone("unfreezeCoupon"),
        "pay": {"status": "FAILED", "outcome": "FAILED", "compensation": None},
    }
    assert stack["createOrder"]["undone"] == 3, "what was done first is undone last"
    assert view["started_at"] <= view["ended_at"] <= view["as_of"]
    assert view["links"]["temporal_ui"].endswith("/namespaces/default/workflows/ledger%3Ab")


def _undone(by: str) -> dict[str, str]:
    return {"status": "COMPENSATED", "outcome": "COMPLETED", "compensation": by}


async def test_log_of_a_compensated_saga(api: Api, books: Books) -> None:
    lines = (await api.json(f"{LIST}/b/logs", "ledger"))["lines"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    told = [f"{line['kind']} {line['component']} {line['status']}" for line in lines]
    assert told[:2] == ["step_started createOrder RUNNING", "step_ended createOrder COMPLETED"]
    assert told[6:8] == ["step_started pay RUNNING", "step_ended pay FAILED"]
    assert told[-2:] == [
        "undo_started deleteOrder COMPENSATING",
        "undo_ended deleteOrder COMPENSATED",
    ]
    assert sorted(told[2:6]) == [
        "step_ended deductStock COMPLETED",
        "step_ended freezeCoupon COMPLETED",
        "step_started deductStock RUNNING",
        "step_started freezeCoupon RUNNING",
    ]
    assert [line["error"]["code"] for line in lines if line["error"]] == ["CARD_DECLINED"]
    assert len(told) == 14


@pytest.mark.parametrize("consistency", ["mirror", "strong"])
async def test_a_running_saga(api: Api, books: Books, consistency: str) -> None:
    view = await api.view("e", "ledger", consistency=consistency)
    assert view["source"] == {"mirror": "sql", "strong": "workflow"}[consistency]
    assert only(view, "status", "ended_at", "business_key") == {
        "status": "RUNNING",
        "ended_at": None,
        "business_key": "Ada",
    }
    assert [(e["component"], e["status"]) for e in view["executionStack"]] == [
        ("createOrder", "COMPLETED"),
        ("gate", "RUNNING"),
    ]


async def test_undo_plan_of_a_running_saga(api: Api, books: Books) -> None:
    plan = await api.json(f"{LIST}/e/undo-plan", "ledger")
    assert only(plan, "source", "execution_id", "status") == {
        "source": "workflow",
        "execution_id": "e",
        "status": "RUNNING",
    }
    first = plan["undo"][-1]
    assert only(first, "component", "compensation", "outcome") == {
        "component": "createOrder",
        "compensation": "deleteOrder",
        "outcome": "COMPLETED",
    }
    assert first["output"]["order_id"] == "e"


ODD = [
    "a/b c?d#e%",
    "order:42:7",
    ":",
    "%2F",
    "a%20b",
    "/a//b/",
    "a/../b",
    "...",
    "logs",
    "logs/x",
    "+&=;,@!$'()*~",
    '\\ "<{[|^`]}>',
    "x" * 128,
]


@pytest.mark.parametrize("odd", ODD)
async def test_odd_ids_go_round(api: Api, odd: str, id: str) -> None:
    ended = await api.execute("placeOrder", DECLINED, "acme", execution_id=odd)
    assert ended.status_code == 422, ended.text
    assert ended.json()["details"]["execution_id"] == odd
    view = await api.view(quote(odd, safe=""), "acme")
    assert only(view, "execution_id", "status") == {"execution_id": odd, "status": "COMPENSATED"}
    links = view["links"]
    assert (await api.json(links["self"], "acme"))["execution_id"] == odd
    assert len((await api.json(links["logs"], "acme"))["lines"]) == 14
    plan = await api.json(links["undo_plan"], "acme")
    assert only(plan, "execution_id", "source") == {"execution_id": odd, "source": "workflow"}
    assert unquote(links["temporal_ui"].rpartition("/")[2]) == f"acme:{odd}"
    again = await api.execute("placeOrder", DECLINED, "acme", execution_id=odd)
    assert again.json() == ended.json()
    listed = (await api.json(LIST, "acme", limit="200"))["items"]
    assert [i["execution_id"] for i in listed].count(odd) == 1


NO_IDS = ["", " a", "a ", "a\tb", "a\n", "ü", "x" * 129, ".", "..", "a/logs", "a/undo-plan"]


@pytest.mark.parametrize("wrong", NO_IDS)
async def test_other_ids_are_refused(api: Api, wrong: str) -> None:
    answer = await api.execute("placeOrder", BOOK, "acme", execution_id=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID")
    assert "execution_id" in answer.json()["message"]


async def test_without_a_tenant_it_is_the_default_one_and_that_is_logged(api: Api, id: str) -> None:
    body = {"chain": "free", "request": BOOK, "execution_id": id}
    with capture_logs() as lines:
        answer = await api.http.post("/api/saga/execute", json=body)
    assert answer.status_code == 200
    assert (await api.view(id, "1"))["tenant"] == "1"
    assert [only(line, "log_level", "tenant", "path") for line in lines if "tenant" in line] == [
        {"log_level": "warning", "tenant": "1", "path": "/api/saga/execute"}
    ]
    assert "X-Tenant-Id" in lines[0]["event"]
    with capture_logs() as quiet:
        await api.view(id, "1")
    assert quiet == []


@pytest.mark.parametrize("tenant", ["", "a b", "a:b", "a/b", "x" * 65, "ü", "1,2"])
@pytest.mark.parametrize("path", [LIST, f"{LIST}/a", f"{LIST}/a/logs", f"{LIST}/a/undo-plan"])
async def test_a_malformed_tenant_is_refused(api: Api, tenant: str, path: str) -> None:
    answer = await api.http.get(path, headers={b"X-Tenant-Id": tenant.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "TENANT_INVALID")
    assert "letters, digits" in answer.json()["message"]


async def test_a_malformed_tenant_starts_nothing(api: Api) -> None:
    answer = await api.execute("free", BOOK, "a b")
    assert (answer.status_code, answer.json()["code"]) == (400, "TENANT_INVALID")
    in_memory = await api.http.post("/api/execute/free", json=BOOK, headers={"X-Tenant-Id": ":"})
    assert (in_memory.status_code, in_memory.json()["code"]) == (400, "TENANT_INVALID")


async def test_a_step_that_was_just_started_is_in_every_view(
    api: Api, make_gate: Callable[[], Gate], id: str
) -> None:
    """Between the start and the mirror's first record nothing may be unknown."""
    gate = make_gate()
    started: dict[str, Any] = (
        await api.execute("gated", gate.request(), execution_id=id, mode="async")
    ).json()
    for link in ("self", "logs", "undo_plan"):
        assert (await api.get(started["links"][link])).status_code == 200
