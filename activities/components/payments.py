"""Sample: an order is paid, and the money given back when the saga is undone."""

from typing import Annotated

from pydantic import BaseModel
from sqlalchemy import Connection, update
from sqlalchemy.engine import Engine

from activities.barrier import once, undo_once
from activities.component import Output, Provided, Refused, Step, Undo, component, seconds
from activities.components.coupons import FrozenCoupon
from activities.components.faults import after_effect, before_effect
from activities.components.orders import Order
from activities.components.shop import OrderRequest, accounts, open_shop

Shop = Annotated[Engine, Provided(open_shop)]
DISCOUNT = 500


class Payment(BaseModel):
    """Money taken, in cents."""

    customer: str
    amount: int


@component("pay", name="take the money", compensate="refund", timeout=seconds(4))
def pay(
    request: OrderRequest,
    order: Annotated[Order, Output("createOrder")],
    coupon: Annotated[FrozenCoupon | None, Output("freezeCoupon")],
    step: Step,
    shop: Shop,
) -> Payment:
    """Take the order's total, less the coupon; refused when the card is declined."""
    before_effect(request, step)
    if request.card == "declined":
        raise Refused("the card was declined", code="CARD_DECLINED", final=True)
    discount = DISCOUNT if coupon is not None and coupon.coupon is not None else 0
    payment = Payment(customer=request.customer, amount=max(order.total - discount, 0))

    def take(connection: Connection) -> Payment:
        taken = connection.execute(
            update(accounts)
            .where(accounts.c.customer == payment.customer)
            .values(paid=accounts.c.paid + payment.amount)
        )
        if taken.rowcount == 0:
            raise Refused(f"'{payment.customer}' has no account", code="NO_ACCOUNT", final=True)
        return payment

    taken = once(shop, step, Payment, take)
    step.context.set("paid", taken.amount)
    after_effect(request, step)
    return taken


@component("refund")
def refund(undo: Undo[Payment], shop: Shop) -> None:
    """Give back what `pay` took, if it did."""

    def give_back(connection: Connection, payment: Payment) -> None:
        connection.execute(
            update(accounts)
            .where(accounts.c.customer == payment.customer)
            .values(paid=accounts.c.paid - payment.amount)
        )

    undo_once(shop, undo, Payment, give_back)
