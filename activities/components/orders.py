"""Sample: orders are opened, and deleted again when the saga is undone."""

from typing import Annotated

from pydantic import BaseModel
from sqlalchemy import Connection, delete, insert
from sqlalchemy.engine import Engine

from activities.barrier import once, undo_once
from activities.component import Provided, Step, Undo, component, seconds
from activities.components.faults import after_effect, before_effect
from activities.components.shop import OrderRequest, open_shop, orders

Shop = Annotated[Engine, Provided(open_shop)]


class Order(BaseModel):
    """An opened order; `total` in cents."""

    order_id: str
    item: str
    quantity: int
    total: int


@component("createOrder", name="open the order", compensate="deleteOrder", timeout=seconds(4))
def create_order(request: OrderRequest, step: Step, shop: Shop) -> Order:
    """Open an order under the execution's id."""
    before_effect(request, step)
    order = Order(
        order_id=step.execution_id,
        item=request.item,
        quantity=request.quantity,
        total=request.price * request.quantity,
    )

    def open_order(connection: Connection) -> Order:
        connection.execute(
            insert(orders).values(
                order_id=order.order_id, item=order.item, quantity=order.quantity, status="open"
            )
        )
        return order

    opened = once(shop, step, Order, open_order)
    step.context.set("order_id", opened.order_id)
    after_effect(request, step)
    return opened


@component("deleteOrder")
def delete_order(undo: Undo[Order], shop: Shop) -> None:
    """Delete the order that `createOrder` opened, if it did."""

    def remove(connection: Connection, order: Order) -> None:
        connection.execute(delete(orders).where(orders.c.order_id == order.order_id))

    undo_once(shop, undo, Order, remove)


@component("isVip", kind="boolean", timeout=seconds(4))
def is_vip(request: OrderRequest, step: Step) -> bool:
    """Whether the customer is a VIP."""
    before_effect(request, step)
    after_effect(request, step)
    return request.vip
