"""POST /api/execute/{chain}: LiteFlow's way, in this process, with and without undo."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.engine import Engine
from temporalio.client import Client

from activities.components.shop import accounts, orders, shop_engine, stock
from rules.source.repository import ChainRow
from tests.api.gates import Gate
from tests.api.sites import (
    BOOK,
    DECLINED,
    Api,
    Place,
    environment_of,
    load,
    new_place,
    only,
    open_api,
)


@pytest.fixture(scope="module")
def shop(place: Place) -> Iterator[Engine]:
    """The shop's own database."""
    engine = shop_engine(place.shop_url)
    yield engine
    engine.dispose()


def goods(shop: Engine) -> tuple[int, int]:
    """Books in stock and money taken."""
    with shop.connect() as connection:
        books = connection.execute(select(stock.c.available).where(stock.c.item == "book"))
        paid = connection.execute(select(accounts.c.paid).where(accounts.c.customer == "ada"))
        return books.scalar_one(), paid.scalar_one()


async def run(api: Api, chain: str, request: object, **query: str) -> Any:
    """The answer to a chain that could be executed."""
    answer = await api.http.post(
        f"/api/execute/{chain}", json=request, params=query, headers={"X-Tenant-Id": "acme"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_success(api: Api, shop: Engine) -> None:
    books, paid = goods(shop)
    said = await run(api, "placeOrder", {**BOOK, "quantity": 2})
    assert only(said, "success", "chain", "code", "message", "step") == {
        "success": True,
        "chain": "placeOrder",
        "code": None,
        "message": None,
        "step": None,
    }
    assert said["context"] == {"order_id": said["request_id"], "paid": 1400}
    assert said["output"]["text"].endswith("is on its way")
    assert only(said["execution"], "tenant", "status") == {"tenant": "acme", "status": "COMPLETED"}
    assert goods(shop) == (books - 2, paid + 1400)


# Whether undo was asked for -> the status, and whether the book is back in stock.
UNDO: list[tuple[dict[str, str], str, bool]] = [
    ({}, "FAILED", False),
    ({"saga": "false"}, "FAILED", False),
    ({"saga": "true"}, "COMPENSATED", True),
]


@pytest.mark.parametrize(("asked", "status", "undone"), UNDO)
async def test_failure(
    api: Api, shop: Engine, *, asked: dict[str, str], status: str, undone: bool
) -> None:
    books, paid = goods(shop)
    said = await run(api, "placeOrder", DECLINED, **asked)
    assert only(said, "success", "code", "message", "step", "output") == {
        "success": False,
        "code": "CARD_DECLINED",
        "message": "the card was declined",
        "step": "pay",
        "output": None,
    }
    assert said["execution"]["status"] == status
    assert goods(shop) == (books if undone else books - 1, paid)
    with shop.connect() as connection:
        order = connection.execute(
            select(orders.c.status).where(orders.c.order_id == said["request_id"])
        )
        assert (order.scalar_one_or_none() == "open") is not undone


NAMES = {
    "createOrder": "open the order",
    "deductStock": "take the goods",
    "freezeCoupon": "freeze the coupon",
    "pay": "take the money",
    "notify": "tell the customer",
}
STEPS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("free", BOOK, ["createOrder==>pay"]),
    ("free", {**BOOK, "faults": {"createOrder": "refuse"}}, ["createOrder"]),
    ("free", DECLINED, ["createOrder==>pay"]),
    (
        "placeOrder",
        BOOK,
        [
            "createOrder==>deductStock==>freezeCoupon==>pay==>notify",
            "createOrder==>freezeCoupon==>deductStock==>pay==>notify",
        ],
    ),
    (
        "vipOrder",
        {**BOOK, "vip": True},
        [
            "createOrder==>deductStock==>freezeCoupon==>isVip==>notify==>pay",
            "createOrder==>freezeCoupon==>deductStock==>isVip==>notify==>pay",
        ],
    ),
]


@pytest.mark.parametrize(("chain", "request_", "steps"), STEPS)
async def test_step_string(
    api: Api, *, chain: str, request_: dict[str, Any], steps: list[str]
) -> None:
    named = ["==>".join(map(_named, each.split("==>"))) for each in steps]
    assert (await run(api, chain, request_))["steps"] in named


def _named(component: str) -> str:
    return f"{component}[{NAMES[component]}]" if component in NAMES else component


async def test_a_wrong_request_names_component_and_field(api: Api) -> None:
    said = await run(api, "placeOrder", {"quantity": 0})
    assert only(said, "success", "code", "step") == {
        "success": False,
        "code": "BAD_INPUT",
        "step": "createOrder",
    }
    assert "quantity" in said["message"]


async def test_without_a_body_the_request_is_nothing(api: Api) -> None:
    answer = await api.http.post("/api/execute/free", headers={"X-Tenant-Id": "1"})
    assert answer.status_code == 200
    assert answer.json()["code"] == "BAD_INPUT"
    assert answer.json()["execution"]["request"] is None


async def test_it_leaves_nothing_in_the_mirror_nor_in_temporal(api: Api, temporal: Client) -> None:
    said = await run(api, "free", BOOK)
    id = said["request_id"]
    assert (await api.get(f"/api/saga/executions/{id}", "acme")).status_code == 404
    assert [w async for w in temporal.list_workflows(f"WorkflowId = 'acme:{id}'")] == []


async def test_it_needs_no_temporal(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = new_place(tmp_path_factory.mktemp("alone"), "127.0.0.1:1")
    with environment_of(place):
        async with open_api(place.settings) as api:
            assert (await run(api, "placeOrder", BOOK))["success"] is True
            assert (await run(api, "placeOrder", DECLINED, saga="true"))["execution"]["status"] == (
                "COMPENSATED"
            )


async def test_the_limit_of_a_when_is_a_setting(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Only the limit lets the chain go on and open the gate at which its step waits."""
    home = tmp_path_factory.mktemp("limited")
    place = new_place(home, "127.0.0.1:1", when_max_wait_ms=100)
    text = "THEN(CATCH(WHEN(gate)).DO(openGate));"
    load(place.settings, [ChainRow(tenant="", name="limited", text=text)])
    with environment_of(place):
        async with open_api(place.settings) as api:
            said = await run(api, "limited", Gate(tmp_path / "gate").request())
    ended = {entry["component"]: entry["outcome"] for entry in said["execution"]["stack"]}
    assert (said["success"], ended) == (True, {"gate": "COMPLETED", "openGate": "COMPLETED"})
