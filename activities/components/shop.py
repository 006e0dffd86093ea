"""The sample shop: its tables, its database, and the order that a request describes.

For the sample components beside it and the demo. A real deployment loads its own packages instead;
nothing of chainsaga itself depends on this one.
"""

import os
from typing import Final, Literal

from pydantic import BaseModel, Field
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from activities.barrier import metadata as barrier_metadata

SHOP_URL: Final = "CHAINSAGA_SHOP_URL"

metadata = MetaData()
orders: Final = Table(
    "shop_order",
    metadata,
    Column("order_id", String(128), primary_key=True),
    Column("item", String(64), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("status", String(16), nullable=False),
)
stock: Final = Table(
    "shop_stock",
    metadata,
    Column("item", String(64), primary_key=True),
    Column("available", Integer, nullable=False),
)
coupons: Final = Table(
    "shop_coupon",
    metadata,
    Column("coupon", String(64), primary_key=True),
    Column("status", String(16), nullable=False),
)
accounts: Final = Table(
    "shop_account",
    metadata,
    Column("customer", String(64), primary_key=True),
    Column("paid", Integer, nullable=False),
)
messages: Final = Table(
    "shop_message",
    metadata,
    Column("message_key", String(700), primary_key=True),
    Column("text", String(400), nullable=False),
)

Fault = Literal["refuse", "error_after", "timeout_after", "timeout_then_refuse"]


class OrderRequest(BaseModel):
    """An order, and for trying things out the faults that it asks for.

    A fault's key is a component id, or `id:tag` for one occurrence: `refuse` (nothing happens),
    `error_after` and `timeout_after` (the effect happens, the answer is lost),
    `timeout_then_refuse` (the first attempt's answer is lost, the second attempt is refused).
    `price` is in cents.
    """

    item: str = "book"
    quantity: int = Field(default=1, ge=1)
    customer: str = "ada"
    coupon: str | None = None
    card: Literal["valid", "declined"] = "valid"
    vip: bool = False
    price: int = Field(default=1500, ge=0)
    faults: dict[str, Fault] = {}


def open_shop() -> Engine:
    """The shop's database, from the environment variable CHAINSAGA_SHOP_URL."""
    return shop_engine(os.environ.get(SHOP_URL, "sqlite:///.chainsaga/shop.db"))


def shop_engine(url: str) -> Engine:
    """An engine for the shop; SQLite waits for other writers and takes its lock at once."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(
            engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
        )
    return engine


def prepare_shop(engine: Engine) -> None:
    """Create the tables where missing and put goods, a coupon and a customer in them."""
    metadata.create_all(engine)
    barrier_metadata.create_all(engine)
    with engine.begin() as connection:
        for table, row in (
            (stock, {"item": "book", "available": 10}),
            (stock, {"item": "lamp", "available": 1}),
            (coupons, {"coupon": "SPRING", "status": "free"}),
            (accounts, {"customer": "ada", "paid": 0}),
        ):
            key = next(iter(table.primary_key.columns))
            if connection.execute(table.select().where(key == row[key.name])).first() is None:
                connection.execute(table.insert().values(row))


def _sqlite_connect(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # pysqlite begins transactions too late to keep a read and its write together.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()
