"""Sample: goods are taken from the stock, and put back when the saga is undone."""

from typing import Annotated

from pydantic import BaseModel
from sqlalchemy import Connection, update
from sqlalchemy.engine import Engine

from activities.barrier import once, undo_once
from activities.component import Output, Provided, Refused, Step, Undo, component, seconds
from activities.components.faults import after_effect, before_effect
from activities.components.orders import Order
from activities.components.shop import OrderRequest, open_shop, stock

Shop = Annotated[Engine, Provided(open_shop)]


class Reservation(BaseModel):
    """Goods taken from the stock."""

    item: str
    quantity: int


@component("deductStock", name="take the goods", compensate="restoreStock", timeout=seconds(4))
def deduct_stock(
    request: OrderRequest, order: Annotated[Order, Output("createOrder")], step: Step, shop: Shop
) -> Reservation:
    """Take the ordered goods; refused when there are not enough."""
    before_effect(request, step)

    def take(connection: Connection) -> Reservation:
        taken = connection.execute(
            update(stock)
            .where(stock.c.item == order.item, stock.c.available >= order.quantity)
            .values(available=stock.c.available - order.quantity)
        )
        if taken.rowcount == 0:
            raise Refused(
                f"not enough of '{order.item}' for {order.quantity}",
                code="OUT_OF_STOCK",
                details={"item": order.item, "wanted": order.quantity},
                final=True,
            )
        return Reservation(item=order.item, quantity=order.quantity)

    reservation = once(shop, step, Reservation, take)
    after_effect(request, step)
    return reservation


@component("restoreStock")
def restore_stock(undo: Undo[Reservation], shop: Shop) -> None:
    """Put back what `deductStock` took, if it did."""

    def put_back(connection: Connection, reservation: Reservation) -> None:
        connection.execute(
            update(stock)
            .where(stock.c.item == reservation.item)
            .values(available=stock.c.available + reservation.quantity)
        )

    undo_once(shop, undo, Reservation, put_back)
