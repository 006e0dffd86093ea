"""Components that stop at a file, before or after their effect, for the tests that kill a worker.

They do what the sample components do, on the sample tables. `Hold` says through the environment
variable where the files lie: the component makes `NAME.reached.PID` and goes on once `NAME.go` is
there.
"""

import os
import time
from pathlib import Path
from typing import Annotated

from sqlalchemy import Engine

from activities.component import Output, Provided, Step, Undo, component, seconds
from activities.components.orders import Order
from activities.components.shop import OrderRequest, open_shop
from activities.components.stock import Reservation, deduct_stock, restore_stock

FOLDER = "CHAINSAGA_TEST_HOLD"
LIMIT = 60.0
HEARTBEAT = seconds(1.5)

Shop = Annotated[Engine, Provided(open_shop)]


def hold(name: str) -> None:
    """Say that this point is reached, and wait for leave to go on."""
    folder = Path(os.environ[FOLDER])
    (folder / f"{name}.reached.{os.getpid()}").touch()
    deadline = time.monotonic() + LIMIT
    while not (folder / f"{name}.go").exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody made {name}.go")
        time.sleep(0.02)


@component("deductHeldBefore", compensate="restoreStock", heartbeat=HEARTBEAT)
def deduct_held_before(
    request: OrderRequest, order: Annotated[Order, Output("createOrder")], step: Step, shop: Shop
) -> Reservation:
    hold("step-before")
    return deduct_stock(request, order, step, shop)


@component("deductHeldAfter", compensate="restoreStock", heartbeat=HEARTBEAT)
def deduct_held_after(
    request: OrderRequest, order: Annotated[Order, Output("createOrder")], step: Step, shop: Shop
) -> Reservation:
    reservation = deduct_stock(request, order, step, shop)
    hold("step-after")
    return reservation


@component("deductUndoneBefore", compensate="restoreHeldBefore")
def deduct_undone_before(
    request: OrderRequest, order: Annotated[Order, Output("createOrder")], step: Step, shop: Shop
) -> Reservation:
    return deduct_stock(request, order, step, shop)


@component("restoreHeldBefore", heartbeat=HEARTBEAT)
def restore_held_before(undo: Undo[Reservation], shop: Shop) -> None:
    hold("undo-before")
    restore_stock(undo, shop)


@component("deductUndoneAfter", compensate="restoreHeldAfter")
def deduct_undone_after(
    request: OrderRequest, order: Annotated[Order, Output("createOrder")], step: Step, shop: Shop
) -> Reservation:
    return deduct_stock(request, order, step, shop)


@component("restoreHeldAfter", heartbeat=HEARTBEAT)
def restore_held_after(undo: Undo[Reservation], shop: Shop) -> None:
    restore_stock(undo, shop)
    hold("undo-after")
