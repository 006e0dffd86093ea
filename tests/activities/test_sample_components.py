"""The sample shop: each refusal and fault, and every compensation puts its rows back."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue
from sqlalchemy import Engine, select, update

from activities.barrier import saga_barrier
from activities.components import shop as tables
from activities.components.shop import Fault, open_shop, prepare_shop, shop_engine
from activities.registry import Registry, discover
from activities.runner import Provider, Runner, StepError
from rules.execution import ErrorInfo
from rules.wire import AttemptLog, ContextOperation, SagaRef, StepReply, StepRequest, UndoRequest

Rows = dict[str, list[dict[str, Any]]]

OUTPUTS: dict[str, JsonValue] = {
    "createOrder": {"order_id": "order-1", "item": "book", "quantity": 2, "total": 3000},
    "freezeCoupon": {"coupon": "SPRING"},
}
SAGA = SagaRef(
    tenant="1", execution_id="order-1", chain="placeOrder", rule_version=1, first_run_id="run"
)


@dataclass
class Shop:
    """The shop's database with its components."""

    engine: Engine
    registry: Registry
    runner: Runner
    order: dict[str, JsonValue] = field(
        default_factory=lambda: {"item": "book", "quantity": 2, "coupon": "SPRING"}
    )

    async def run(
        self,
        component: str,
        *,
        attempt: int = 1,
        outputs: dict[str, JsonValue] | None = None,
        undo: UndoRequest | None = None,
    ) -> StepReply:
        request = StepRequest(
            saga=SAGA,
            seq=1,
            path="0.1",
            component=component,
            request=self.order,
            outputs=OUTPUTS if outputs is None else outputs,
            context={"order_id": "order-1"},
            answers=2,
            # The sample's pause is this and a second and a half.
            timeout=-1.5,
            undo=undo,
        )
        return await self.runner.attempt(
            self.registry[component], request, attempt, AttemptLog(answered=attempt - 1)
        )

    async def fail(self, component: str, *, attempt: int = 1, **given: Any) -> StepError:
        with pytest.raises(StepError) as caught:
            await self.run(component, attempt=attempt, **given)
        return caught.value

    async def undo(self, component: str) -> StepReply:
        compensation = self.registry[component].policy.compensate
        assert compensation is not None
        return await self.run(
            compensation, undo=UndoRequest(component=component, outcome="UNKNOWN")
        )

    def ask(self, component: str, fault: Fault) -> None:
        self.order["faults"] = {component: fault}

    def rows(self) -> Rows:
        """All rows of the shop's own tables."""
        with self.engine.connect() as connection:
            return {
                table.name: [dict(row._mapping) for row in connection.execute(select(table))]
                for table in tables.metadata.sorted_tables
            }

    def one(self, table: str, **where: object) -> dict[str, Any]:
        rows = [row for row in self.rows()[table] if where.items() <= row.items()]
        assert len(rows) == 1
        return rows[0]


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover(["activities.components"])


@pytest.fixture
def shop(tmp_path: Path, registry: Registry) -> Iterator[Shop]:
    engine = shop_engine(f"sqlite:///{tmp_path}/shop.db")
    prepare_shop(engine)
    with ThreadPoolExecutor(4) as executor:
        yield Shop(engine, registry, Runner(Provider({open_shop: engine}), executor))
    engine.dispose()


COMPENSATED = ["createOrder", "deductStock", "freezeCoupon", "pay", "notify"]

EFFECTS: dict[str, tuple[str, dict[str, Any], JsonValue]] = {
    "createOrder": (
        "shop_order",
        {"order_id": "order-1", "item": "book", "quantity": 2, "status": "open"},
        OUTPUTS["createOrder"],
    ),
    "deductStock": (
        "shop_stock",
        {"item": "book", "available": 8},
        {"item": "book", "quantity": 2},
    ),
    "freezeCoupon": (
        "shop_coupon",
        {"coupon": "SPRING", "status": "frozen"},
        {"coupon": "SPRING"},
    ),
    "pay": ("shop_account", {"customer": "ada", "paid": 2500}, {"customer": "ada", "amount": 2500}),
    "notify": (
        "shop_message",
        {"message_key": "1:order-1/run/0.1/forward", "text": "ada: order order-1 is on its way"},
        {"key": "1:order-1/run/0.1/forward", "text": "ada: order order-1 is on its way"},
    ),
}


@pytest.mark.parametrize("component", COMPENSATED)
async def test_each_effect_and_its_undo(shop: Shop, component: str) -> None:
    before = shop.rows()
    table, row, output = EFFECTS[component]
    assert (await shop.run(component)).output == output
    after = shop.rows()
    assert row in after[table]
    assert {name for name in after if after[name] != before[name]} == {table}
    await shop.undo(component)
    assert shop.rows() == before


@pytest.mark.parametrize("component", COMPENSATED)
async def test_a_repeated_step_and_a_repeated_undo_change_nothing(
    shop: Shop, component: str
) -> None:
    before = shop.rows()
    first = await shop.run(component)
    once = shop.rows()
    assert (await shop.run(component, attempt=2)).output == first.output
    assert shop.rows() == once
    for _ in range(2):
        await shop.undo(component)
        assert shop.rows() == before


@pytest.mark.parametrize("component", COMPENSATED)
async def test_an_undo_without_its_step_changes_nothing_and_bars_it(
    shop: Shop, component: str
) -> None:
    before = shop.rows()
    await shop.undo(component)
    error = await shop.fail(component)
    assert (error.failure.error.code, error.final) == ("UNDONE", True)
    assert shop.rows() == before


@pytest.mark.parametrize("component", [*COMPENSATED, "isVip"])
async def test_a_step_refuses_when_asked(shop: Shop, component: str) -> None:
    before = shop.rows()
    shop.ask(component, "refuse")
    error = await shop.fail(component)
    assert error.failure.error == ErrorInfo(
        type="Refused", message=f"{component} was asked to refuse", code="ASKED_TO_REFUSE"
    )
    assert (error.failure.outcome, error.final) == ("FAILED", False)
    assert shop.rows() == before


@pytest.mark.parametrize("component", COMPENSATED)
async def test_a_lost_answer_leaves_the_effect_for_the_undo(shop: Shop, component: str) -> None:
    before = shop.rows()
    shop.ask(component, "error_after")
    error = await shop.fail(component)
    assert error.failure.outcome == "UNKNOWN"
    assert error.failure.error.message == f"{component} lost its answer, as asked"
    assert shop.rows() != before
    await shop.undo(component)
    assert shop.rows() == before


@pytest.mark.parametrize("component", COMPENSATED)
async def test_a_late_answer_comes_after_the_effect(shop: Shop, component: str) -> None:
    before = shop.rows()
    shop.ask(component, "timeout_after")
    assert (await shop.run(component)).output == EFFECTS[component][2]
    assert shop.rows() != before


@pytest.mark.parametrize("component", COMPENSATED)
async def test_a_lost_answer_may_be_followed_by_a_refusal(shop: Shop, component: str) -> None:
    before = shop.rows()
    shop.ask(component, "timeout_then_refuse")
    await shop.run(component)
    once = shop.rows()
    assert once != before
    error = await shop.fail(component, attempt=2)
    assert error.failure.error.code == "ASKED_TO_REFUSE"
    assert shop.rows() == once


@pytest.mark.parametrize("component", COMPENSATED)
async def test_a_fault_is_for_the_step_that_it_names(shop: Shop, component: str) -> None:
    shop.ask("somethingElse", "refuse")
    assert (await shop.run(component)).output == EFFECTS[component][2]


async def test_goods_that_are_not_there_are_refused(shop: Shop) -> None:
    before = shop.rows()
    order: JsonValue = {"order_id": "order-1", "item": "lamp", "quantity": 2, "total": 1}
    error = await shop.fail("deductStock", outputs={"createOrder": order})
    assert error.failure.error == ErrorInfo(
        type="Refused",
        message="not enough of 'lamp' for 2",
        code="OUT_OF_STOCK",
        details={"item": "lamp", "wanted": 2},
    )
    assert (error.failure.outcome, error.final) == ("FAILED", True)
    assert shop.rows() == before
    with shop.engine.connect() as connection:
        assert connection.execute(select(saga_barrier)).all() == []


async def test_the_last_goods_may_be_taken(shop: Shop) -> None:
    order: JsonValue = {"order_id": "order-1", "item": "lamp", "quantity": 1, "total": 1}
    await shop.run("deductStock", outputs={"createOrder": order})
    assert shop.one("shop_stock", item="lamp")["available"] == 0


@pytest.mark.parametrize("coupon", ["SPRING", "NOWHERE"])
async def test_a_coupon_that_is_not_free_is_refused(shop: Shop, coupon: str) -> None:
    with shop.engine.begin() as connection:
        connection.execute(update(tables.coupons).values(status="frozen"))
    before = shop.rows()
    shop.order["coupon"] = coupon
    error = await shop.fail("freezeCoupon")
    assert error.failure.error.message == f"coupon '{coupon}' is not free"
    assert (error.failure.error.code, error.final) == ("COUPON_NOT_FREE", True)
    assert error.failure.outcome == "FAILED"
    await shop.undo("freezeCoupon")
    assert shop.rows() == before


async def test_an_order_without_a_coupon_freezes_nothing(shop: Shop) -> None:
    before = shop.rows()
    shop.order["coupon"] = None
    assert (await shop.run("freezeCoupon")).output == {"coupon": None}
    await shop.undo("freezeCoupon")
    assert shop.rows() == before


async def test_a_declined_card_is_refused(shop: Shop) -> None:
    before = shop.rows()
    shop.order["card"] = "declined"
    error = await shop.fail("pay")
    assert error.failure.error.message == "the card was declined"
    assert (error.failure.error.code, error.final) == ("CARD_DECLINED", True)
    assert error.failure.outcome == "FAILED"
    assert shop.rows() == before


@pytest.mark.parametrize(
    ("total", "coupon", "paid"),
    [
        (3000, {"coupon": "SPRING"}, 2500),
        (3000, {"coupon": None}, 3000),
        (3000, None, 3000),
        (300, {"coupon": "SPRING"}, 0),
    ],
)
async def test_a_coupon_makes_the_order_cheaper(
    shop: Shop, total: int, coupon: JsonValue, paid: int
) -> None:
    order: JsonValue = {"order_id": "order-1", "item": "book", "quantity": 2, "total": total}
    outputs = {"createOrder": order, **({} if coupon is None else {"freezeCoupon": coupon})}
    reply = await shop.run("pay", outputs=outputs)
    assert reply.operations == (ContextOperation(op="set", key="paid", value=paid),)
    assert shop.one("shop_account", customer="ada")["paid"] == paid


async def test_an_order_tells_its_id_to_the_context(shop: Shop) -> None:
    reply = await shop.run("createOrder")
    assert reply.operations == (ContextOperation(op="set", key="order_id", value="order-1"),)


@pytest.mark.parametrize("vip", [True, False])
async def test_who_is_a_vip(shop: Shop, vip: bool) -> None:
    shop.order["vip"] = vip
    assert (await shop.run("isVip")).output is vip


async def test_a_shop_is_prepared_once(shop: Shop) -> None:
    await shop.run("deductStock")
    before = shop.rows()
    prepare_shop(shop.engine)
    assert shop.rows() == before


def test_the_shop_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAINSAGA_SHOP_URL", f"sqlite:///{tmp_path}/here.db")
    engine = open_shop()
    prepare_shop(engine)
    engine.dispose()
    assert (tmp_path / "here.db").exists()
