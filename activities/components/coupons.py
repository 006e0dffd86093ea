"""Sample: a coupon is frozen for an order, and freed when the saga is undone."""

from typing import Annotated

from pydantic import BaseModel
from sqlalchemy import Connection, update
from sqlalchemy.engine import Engine

from activities.barrier import once, undo_once
from activities.component import Provided, Refused, Step, Undo, component, seconds
from activities.components.faults import after_effect, before_effect
from activities.components.shop import OrderRequest, coupons, open_shop

Shop = Annotated[Engine, Provided(open_shop)]


class FrozenCoupon(BaseModel):
    """The coupon that was frozen; None where the order has none."""

    coupon: str | None


@component(
    "freezeCoupon", name="freeze the coupon", compensate="unfreezeCoupon", timeout=seconds(4)
)
def freeze_coupon(request: OrderRequest, step: Step, shop: Shop) -> FrozenCoupon:
    """Freeze the order's coupon; refused when it is not free."""
    before_effect(request, step)

    def freeze(connection: Connection) -> FrozenCoupon:
        if request.coupon is None:
            return FrozenCoupon(coupon=None)
        frozen = connection.execute(
            update(coupons)
            .where(coupons.c.coupon == request.coupon, coupons.c.status == "free")
            .values(status="frozen")
        )
        if frozen.rowcount == 0:
            raise Refused(
                f"coupon '{request.coupon}' is not free", code="COUPON_NOT_FREE", final=True
            )
        return FrozenCoupon(coupon=request.coupon)

    coupon = once(shop, step, FrozenCoupon, freeze)
    after_effect(request, step)
    return coupon


@component("unfreezeCoupon")
def unfreeze_coupon(undo: Undo[FrozenCoupon], shop: Shop) -> None:
    """Free the coupon that `freezeCoupon` froze, if it did."""

    def unfreeze(connection: Connection, frozen: FrozenCoupon) -> None:
        connection.execute(
            update(coupons).where(coupons.c.coupon == frozen.coupon).values(status="free")
        )

    undo_once(shop, undo, FrozenCoupon, unfreeze)
