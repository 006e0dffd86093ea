"""What an engine tells each database."""

from datetime import UTC, datetime, timedelta, timezone
from time import monotonic
from typing import Any

import pytest
from pydantic import JsonValue
from sqlalchemy import Column, Engine, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import OperationalError, StatementError
from structlog.testing import capture_logs

from rules.execution import ErrorInfo
from rules.source.columns import JsonText, UtcDateTime
from rules.source.engine import ANSWER_SECONDS, create_engine_for
from rules.source.repository import ChainRepository
from tests.activities.mirror.stores import Stores

PRAGMAS = [("journal_mode", "wal"), ("busy_timeout", 5000), ("foreign_keys", 1), ("synchronous", 1)]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("pragma", "value"), PRAGMAS)
def test_sqlite(engine: Engine, pragma: str, value: object) -> None:
    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


DRIVERS = [
    ("mysql://db/rules", "mysql+pymysql"),
    ("mariadb://db/rules", "mariadb+pymysql"),
    ("mysql+pymysql://db/rules", "mysql+pymysql"),
]


@pytest.mark.parametrize(("url", "driver"), DRIVERS)
def test_mysql(url: str, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine_for(url, "worker")
    assert engine.url.drivername == driver
    given: dict[str, Any] = {}

    def connect(**arguments: Any) -> None:
        given.update(arguments)
        raise engine.dialect.loaded_dbapi.OperationalError(2003, "no server in this test")

    monkeypatch.setattr(engine.dialect, "connect", connect)
    with pytest.raises(Exception, match="no server"):
        engine.connect()
    assert given["program_name"] == "chainsaga worker"
    assert given["charset"] == "utf8mb4"
    assert "+00:00" in given["init_command"]
    assert (given["read_timeout"], given["write_timeout"]) == (ANSWER_SECONDS,) * 2


@pytest.mark.parametrize("store", ["mariadb"], indirect=True)
def test_mariadb_is_told_who_asks_and_works_in_utc(engine: Engine) -> None:
    with engine.connect() as connection:
        ask = connection.exec_driver_sql
        assert ask("SELECT @@session.time_zone").scalar_one() == "+00:00"
        assert ask("SELECT @@character_set_client").scalar_one() == "utf8mb4"


@pytest.mark.parametrize("store", ["mariadb"], indirect=True)
def test_a_server_that_hangs_fails_the_statement(
    url: str, stores: Stores, repository: ChainRepository
) -> None:
    engine = create_engine_for(url, "tests", answer_within=0.3)
    impatient = ChainRepository(engine, "dms-liteflow", "default")
    assert impatient.read_all() == ()
    stores.mariadb.suspend()
    try:
        before = monotonic()
        with pytest.raises(OperationalError):
            impatient.read_all()
        assert monotonic() - before < 5
    finally:
        stores.mariadb.resume()
    assert impatient.read_all() == ()
    engine.dispose()


TABLE = Table(
    "sample",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("data", JsonText),
)


def stored(engine: Engine, **values: object) -> Any:
    TABLE.create(engine)
    try:
        with engine.begin() as connection:
            connection.execute(insert(TABLE), [values])
            return connection.execute(select(TABLE)).one()
    finally:
        TABLE.drop(engine)


TOKYO = datetime(2026, 1, 1, 9, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))


def test_times_come_back_in_utc_to_the_microsecond(engine: Engine) -> None:
    row = stored(engine, at=TOKYO)
    assert row.at == TOKYO
    assert row.at.tzinfo is UTC
    assert row.data is None


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        stored(engine, at=datetime(2026, 1, 1))  # noqa: DTZ001 - what is tested


VALUES: list[tuple[object, JsonValue]] = [
    ({"名": [1, 2.5, None, True, "x"]}, {"名": [1, 2.5, None, True, "x"]}),
    ("", ""),
    (False, False),
    (0, 0),
    ({}, {}),
    (2**70, 2**70),
    ("😀" * 40_000, "😀" * 40_000),
    (
        ErrorInfo(type="T", message="m", code="C", kinds=("B",)),
        {"type": "T", "message": "m", "code": "C", "details": {}, "kinds": ["B"]},
    ),
]


@pytest.mark.parametrize(("value", "back"), VALUES, ids=lambda value: f"{value!r:.20}")
def test_json(engine: Engine, value: object, back: JsonValue) -> None:
    assert stored(engine, data=value).data == back


def test_sql_is_logged_if_it_is_wanted(url: str) -> None:
    for wanted in (False, True):
        engine = create_engine_for(url, "tests", log_sql=wanted)
        with capture_logs() as logs:
            ChainRepository(engine, "shop", "default").read_all()
        said = [line for line in logs if line["event"] == "sql"]
        assert bool(said) == wanted
        assert all("FROM flow_chain" in line["statement"] for line in said)
        assert all("shop" in line["parameters"] for line in said)
        engine.dispose()
