"""The table of chains: what is read, what saving changes, what the database fills in itself."""

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from rules.source.repository import ChainRepository, ChainRow
from rules.source.tables import flow_chain

ROW = ChainRow(tenant="1", name="order", text="THEN(a, b);")


def test_what_is_saved_is_read(repository: ChainRepository) -> None:
    rows = (
        ChainRow(tenant="1", name="order", text="THEN(a);", description="the order, 下单"),
        ChainRow(tenant="1", name="refund", text="THEN(b);", status="DRAFT", undo_policy="stop"),
        ChainRow(tenant="1", name="rush", text="{{a}} = b;", extends="order", route="isRush"),
        ChainRow(tenant="2", name="order", text="THEN(c);", enabled=False, transactional=False),
    )
    for row in rows:
        repository.save(row)
    assert repository.read_all() == rows
    assert [row.serving for row in rows] == [True, False, True, False]


def test_names_are_told_apart_by_case_and_read_in_order(repository: ChainRepository) -> None:
    for name in ("order", "Order"):
        repository.save(dataclasses.replace(ROW, name=name))
    assert [row.name for row in repository.read_all()] == ["Order", "order"]


CHANGES = [
    ({}, 1),
    ({"text": "THEN(b);"}, 2),
    ({"description": "new"}, 2),
    ({"status": "DRAFT"}, 2),
    ({"enabled": False}, 2),
    ({"transactional": False}, 2),
    ({"undo_policy": "continue"}, 2),
    ({"route": "isRush"}, 2),
    ({"extends": "base"}, 2),
    ({"version": 9}, 1),
]


@pytest.mark.parametrize(("change", "version"), CHANGES, ids=[str(case[0]) for case in CHANGES])
def test_a_changed_chain_gets_a_new_version(
    repository: ChainRepository, engine: Engine, change: dict[str, object], version: int
) -> None:
    times = select(flow_chain.c.create_time, flow_chain.c.update_time)
    repository.save(ROW)
    with engine.connect() as connection:
        before = connection.execute(times).one()
    repository.save(dataclasses.replace(ROW, **change))  # type: ignore[arg-type]  # a case table
    assert [row.version for row in repository.read_all()] == [version]
    with engine.connect() as connection:
        after = connection.execute(times).one()
    assert after.create_time == before.create_time
    assert (after.update_time > before.update_time) == (version > 1)


def test_applications_and_namespaces_are_apart(engine: Engine) -> None:
    places = [("shop", "default"), ("shop", "test"), ("bank", "default")]
    for i, place in enumerate(places):
        ChainRepository(engine, *place).save(dataclasses.replace(ROW, text=f"THEN(a{i});"))
    for i, place in enumerate(places):
        assert [row.text for row in ChainRepository(engine, *place).read_all()] == [f"THEN(a{i});"]


def test_a_row_by_hand_gets_the_defaults_of_the_platform(
    repository: ChainRepository, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO flow_chain (tenant_id, chain_name, chain_code)"
            " VALUES ('1', 'order', 'THEN(a);')"
        )
    (row,) = repository.read_all()
    assert row == ChainRow(tenant="1", name="order", text="THEN(a);", status="DRAFT")
    with engine.connect() as connection:
        stamp = connection.execute(select(flow_chain.c.update_time)).scalar_one()
    assert abs(stamp - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_undo_policy_that_nobody_knows_is_none_and_logged(
    repository: ChainRepository, engine: Engine
) -> None:
    repository.save(dataclasses.replace(ROW, undo_policy="continue"))
    with engine.begin() as connection:
        connection.execute(update(flow_chain).values(undo_policy="perhaps"))
    with capture_logs() as logs:
        (row,) = repository.read_all()
    assert row.undo_policy is None
    assert [(line["event"], line["chain"], line["given"]) for line in logs] == [
        ("undo_policy_unknown", "order", "perhaps")
    ]


def test_a_chain_exists_once(repository: ChainRepository, engine: Engine) -> None:
    repository.save(ROW)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO flow_chain (tenant_id, chain_name, chain_code)"
            " VALUES ('1', 'order', 'THEN(a);')"
        )
