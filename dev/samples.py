"""The sample chains and the sample shop: put them into a database, read the shop's state.

For the demo, `make up` and the tests.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.engine import Engine

from activities.components.shop import accounts, coupons, prepare_shop, shop_engine, stock
from dev.stack import ROOT
from migrations.run import upgrade
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from settings import Settings

CHAINS: Final = ROOT / "examples" / "chains"
TENANT: Final = "1"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the demo shows of the shop: books in stock, the coupon, money taken (cents)."""

    books: int
    coupon: str
    paid: int

    def __str__(self) -> str:
        return (
            f"{self.books} books in stock, coupon SPRING {self.coupon}, {self.paid / 100:.2f} paid"
        )


def prepare(home: Path) -> Engine:
    """Make the databases in `home`, load the sample chains, and give the shop's engine."""
    home.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{home}/chainsaga.db"
    upgrade(database)
    load_chains(database)
    shop = shop_engine(f"sqlite:///{home}/shop.db")
    prepare_shop(shop)
    return shop


def load_chains(database: str, tenant: str = TENANT) -> list[str]:
    """Save every sample chain for a tenant; a chain that is the same already stays as it is."""
    settings = Settings()
    engine = create_engine_for(database, "samples")
    repository = ChainRepository(engine, settings.application, settings.rule_namespace)
    files = sorted(CHAINS.glob("*.el"))
    for file in files:
        repository.save(ChainRow(tenant=tenant, name=file.stem, text=file.read_text()))
    engine.dispose()
    return [file.stem for file in files]


def shelf(shop: Engine) -> Shelf:
    """The shop's state now."""
    with shop.connect() as connection:
        books = connection.execute(select(stock.c.available).where(stock.c.item == "book"))
        coupon = connection.execute(select(coupons.c.status).where(coupons.c.coupon == "SPRING"))
        paid = connection.execute(select(accounts.c.paid).where(accounts.c.customer == "ada"))
        return Shelf(books.scalar_one(), coupon.scalar_one(), paid.scalar_one())
