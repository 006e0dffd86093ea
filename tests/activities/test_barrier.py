"""The barrier on real SQLite files: in whatever order calls come, the effect is once or not."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from activities.barrier import metadata, once, saga_barrier, undo_once
from activities.component import Refused, Step, Undo
from activities.components.shop import shop_engine

own = MetaData()
account = Table(
    "account",
    own,
    Column("name", String(8), primary_key=True),
    Column("balance", Integer, nullable=False),
)


class Taken(BaseModel):
    amount: int


STEP = Step(
    tenant="acme",
    execution_id="order-1",
    chain="placeOrder",
    component="pay",
    path="0.2",
    tag=None,
    data=None,
    attempt=1,
    timeout=60,
    key="acme:order-1/run/0.2/forward",
)
UNDO: Undo[Taken] = Undo(
    tenant="acme",
    execution_id="order-1",
    component="pay",
    path="0.2",
    tag=None,
    outcome="UNKNOWN",
    output=None,
    input=None,
    error=None,
    attempt=1,
    key="acme:order-1/run/0.2/undo",
    forward_key="acme:order-1/run/0.2/forward",
)


@dataclass
class Bank:
    """A component with its compensation, over a database of its own."""

    engine: Engine
    undone_with: list[Taken]

    def pay(self, amount: int = 5, step: Step = STEP, then: Exception | None = None) -> Taken:
        def take(connection: Connection) -> Taken:
            connection.execute(update(account).values(balance=account.c.balance - amount))
            if then is not None:
                raise then
            return Taken(amount=amount)

        return once(self.engine, step, Taken, take)

    def refund(self, undo: Undo[Taken] = UNDO, then: Exception | None = None) -> bool:
        def give_back(connection: Connection, taken: Taken) -> None:
            connection.execute(update(account).values(balance=account.c.balance + taken.amount))
            self.undone_with.append(taken)
            if then is not None:
                raise then

        return undo_once(self.engine, undo, Taken, give_back)

    @property
    def balance(self) -> int:
        with self.engine.connect() as connection:
            balance: int = connection.execute(select(account.c.balance)).scalar_one()
            return balance

    @property
    def barriers(self) -> list[str]:
        with self.engine.connect() as connection:
            keys = select(saga_barrier.c.barrier_key).order_by(saga_barrier.c.barrier_key)
            return [key.rsplit("/", 1)[1] for key in connection.execute(keys).scalars()]


def open_bank(make: Callable[[str], Engine], folder: Path) -> Bank:
    engine = make(f"sqlite:///{folder}/bank.db")
    metadata.create_all(engine)
    own.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(account).values(name="ada", balance=0))
    return Bank(engine, [])


# The second is what an author has who knows nothing of SQLite's transactions.
ENGINES: dict[str, Callable[[str], Engine]] = {"shop": shop_engine, "plain": create_engine}


@pytest.fixture(params=ENGINES)
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bank]:
    bank = open_bank(ENGINES[request.param], tmp_path)
    yield bank
    bank.engine.dispose()


def test_a_first_call_takes_effect_and_keeps_its_output(bank: Bank) -> None:
    assert bank.pay() == Taken(amount=5)
    assert bank.balance == -5
    with bank.engine.connect() as connection:
        row = connection.execute(select(saga_barrier)).one()
    assert (row.barrier_key, row.origin, row.output) == (STEP.key, "forward", '{"amount":5}')


def test_a_duplicate_gets_the_first_calls_output(bank: Bank) -> None:
    bank.pay()
    assert bank.pay(amount=7, step=replace(STEP, attempt=2)) == Taken(amount=5)
    assert bank.balance == -5


def test_another_step_is_no_duplicate(bank: Bank) -> None:
    bank.pay()
    bank.pay(step=replace(STEP, key="acme:order-2/run/0.2/forward"))
    assert bank.balance == -10


def test_an_undo_gives_back_what_was_taken(bank: Bank) -> None:
    bank.pay()
    assert bank.refund() is True
    assert bank.balance == 0
    assert bank.undone_with == [Taken(amount=5)]


def test_the_undo_gets_what_the_step_recorded_also_when_the_saga_saw_nothing(bank: Bank) -> None:
    bank.pay(amount=7)
    assert UNDO.output is None
    assert bank.refund() is True
    assert bank.undone_with == [Taken(amount=7)]


def test_an_undo_runs_once(bank: Bank) -> None:
    bank.pay()
    assert [bank.refund(), bank.refund(replace(UNDO, attempt=2))] == [True, False]
    assert bank.balance == 0


def test_an_undo_without_its_step_does_nothing(bank: Bank) -> None:
    assert [bank.refund(), bank.refund()] == [False, False]
    assert (bank.balance, bank.undone_with) == (0, [])


def test_a_step_that_comes_after_its_undo_is_refused_for_good(bank: Bank) -> None:
    bank.refund()
    for _ in range(2):
        with pytest.raises(Refused, match="this step was undone before it ran") as caught:
            bank.pay()
        assert (caught.value.code, caught.value.final) == ("UNDONE", True)
    assert bank.balance == 0


def test_a_duplicate_after_the_undo_changes_nothing(bank: Bank) -> None:
    bank.pay()
    bank.refund()
    bank.pay()
    assert bank.balance == 0


@pytest.mark.parametrize("error", [Refused("no money"), ConnectionError("gone"), ValueError("x")])
def test_an_action_that_raises_leaves_nothing_and_may_come_again(
    bank: Bank, error: Exception
) -> None:
    with pytest.raises(type(error)):
        bank.pay(then=error)
    assert (bank.balance, bank.barriers) == (0, [])
    assert bank.pay() == Taken(amount=5)
    assert bank.balance == -5


def test_an_undo_that_raises_leaves_nothing_and_may_come_again(bank: Bank) -> None:
    bank.pay()
    with pytest.raises(ConnectionError):
        bank.refund(then=ConnectionError("gone"))
    assert (bank.balance, bank.barriers) == (-5, ["forward"])
    assert bank.refund() is True
    assert bank.balance == 0


def test_a_refused_step_is_undone_by_nothing(bank: Bank) -> None:
    with pytest.raises(Refused):
        bank.pay(then=Refused("no money"))
    assert bank.refund() is False
    assert bank.balance == 0


def test_an_action_may_return_nothing(bank: Bank) -> None:
    def touch(connection: Connection) -> None:
        connection.execute(update(account).values(balance=account.c.balance + 1))

    for _ in range(2):
        once(bank.engine, STEP, type(None), touch)
    assert bank.balance == 1


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("calls", [["pay"] * 4, ["refund"] * 4, ["pay", "refund"] * 2])
def test_calls_at_the_same_moment_count_once(tmp_path: Path, engine: str, calls: list[str]) -> None:
    bank = open_bank(ENGINES[engine], tmp_path)
    start = threading.Barrier(len(calls), timeout=20)

    def call(name: str) -> bool:
        start.wait()
        try:
            return bool(getattr(bank, name)())
        except Refused:
            return False

    with ThreadPoolExecutor(len(calls)) as threads:
        told = list(zip(calls, threads.map(call, calls), strict=True))
    bank.engine.dispose()
    paid = [answer for name, answer in told if name == "pay"]
    undone = [answer for name, answer in told if name == "refund"]
    assert sum(undone) == len(bank.undone_with) <= 1
    assert bank.balance == (-5 if any(paid) and not any(undone) else 0)
    if paid and undone:
        assert bank.balance == 0
        # Either all came in time, or all came too late.
        assert all(paid) is any(undone)


@dataclass(frozen=True)
class Call:
    """One delivery of the step or of its undo; a `broken` one fails after its effect."""

    undo: bool
    broken: bool


CALLS = st.lists(st.builds(Call, undo=st.booleans(), broken=st.booleans()), max_size=8)


@given(calls=CALLS)
@settings(deadline=None)
def test_any_interleaving_leaves_the_effect_once_or_not_at_all(calls: list[Call]) -> None:
    with TemporaryDirectory() as folder:
        bank = open_bank(shop_engine, Path(folder))
        for call in calls:
            then = ConnectionError("gone") if call.broken else None
            try:
                bank.refund(then=then) if call.undo else bank.pay(then=then)
            except (ConnectionError, Refused):
                continue
        balance = bank.balance
        bank.engine.dispose()
    # A broken delivery of an undo still does nothing where nothing is to be undone.
    paid = undone = False
    for call in calls:
        if call.undo:
            undone = undone or not (call.broken and paid)
        else:
            paid = paid or (not call.broken and not undone)
    assert balance == (-5 if paid and not undone else 0)


def test_on_mysql_keys_differ_by_case_and_outputs_may_be_long() -> None:
    ddl = str(CreateTable(saga_barrier).compile(dialect=mysql.dialect()))
    assert "barrier_key VARCHAR(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL" in ddl
    assert "output LONGTEXT" in ddl


def test_on_sqlite_keys_differ_by_case(bank: Bank) -> None:
    bank.pay()
    bank.pay(step=replace(STEP, key=STEP.key.upper()))
    assert bank.balance == -10


def test_a_lost_database_is_an_error_and_no_duplicate(tmp_path: Path) -> None:
    bank = open_bank(shop_engine, tmp_path)
    with sqlite3.connect(tmp_path / "bank.db") as direct:
        direct.execute("DROP TABLE saga_barrier")
    direct.close()
    with pytest.raises(Exception, match="no such table: saga_barrier"):
        bank.pay()
    assert bank.balance == 0
    bank.engine.dispose()
