"""What is written of chains and scripts, under which version, and what is kept of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, delete, select, text, update
from sqlalchemy.exc import OperationalError

from rules.source.repository import ChainRepository, ChainRow
from rules.source.revision import first_stand
from rules.source.script_repository import ScriptRepository
from rules.source.scripts import ScriptRow
from rules.source.storing import RowStale, Shelf, lock_rules, store
from rules.source.tables import config_version, flow_chain, rule_component
from rules.source.versions import Note, chain_history

APPLICATION = "dms-liteflow"
NOTE = Note("IMPORT", "ann", "a reason")


@dataclass(frozen=True)
class Case:
    """One of the two tables: a row of it, and how somebody edits that by hand."""

    shelf: Shelf[Any]
    row: Any
    table: Any
    by_hand: dict[str, object]


@pytest.fixture(params=["chain", "script"])
def case(request: pytest.FixtureRequest, engine: Engine) -> Case:
    if request.param == "chain":
        row = ChainRow(tenant="1", name="order", text="THEN(a);", route="x", undo_policy="stop")
        shelf = ChainRepository(engine, APPLICATION, "default")
        return Case(shelf, row, flow_chain, {"chain_code": "THEN(b);"})
    script = ScriptRow(tenant="1", id="order", text="a", type="for_script", language="groovy")
    return Case(ScriptRepository(engine, APPLICATION), script, rule_component, {"language": "js"})


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


def stored(engine: Engine, case: Case, before: Any, wanted: Any, note: Note = NOTE) -> Any:
    with engine.begin() as connection:
        lock_rules(connection)
        return store(connection, case.shelf, before, wanted, note)


def found(engine: Engine, case: Case) -> Any:
    with engine.connect() as connection:
        return case.shelf.find(connection, "1", "order")


def edited(engine: Engine, case: Case, **more: object) -> Any:
    with engine.begin() as connection:
        connection.execute(update(case.table).values(**case.by_hand, **more))
    return found(engine, case)


def kept(engine: Engine) -> list[tuple[int, str, str | None]]:
    columns = config_version.c
    query = select(columns.version, columns.change_type, columns.operator).order_by(columns.id)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_each_change_is_a_version_with_who_when_and_why(engine: Engine, case: Case) -> None:
    first = stored(engine, case, None, case.row)
    assert first == found(engine, case) == replace(case.row, version=1)
    wanted = replace(case.row, text="THEN(c);", status="DRAFT")
    second = stored(engine, case, first, wanted, Note("IMPORT", None, None))
    assert second == found(engine, case) == replace(wanted, version=2)
    with engine.connect() as connection:
        one, two = connection.execute(select(config_version).order_by("id")).mappings()
    assert (one["content"], two["content"]) == (first.content, second.content)
    assert one["content_sha"] != two["content_sha"]
    place = (APPLICATION, case.shelf.namespace, "1", case.shelf.type, "order", 1)
    names = ("application_name", "namespace", "tenant_id", "config_type", "chain_name", "version")
    assert tuple(one[name] for name in names) == place
    assert (one["change_type"], one["operator"], one["reason"]) == ("IMPORT", "ann", "a reason")
    assert (two["operator"], two["reason"]) == (None, None)
    assert abs(datetime.now(UTC) - one["create_time"]) < timedelta(minutes=10)


def test_the_same_is_no_version(engine: Engine, case: Case) -> None:
    first = stored(engine, case, None, case.row)
    for before in (first, None):
        assert stored(engine, case, before, replace(first, version=77)) == first
    assert kept(engine) == [(1, "IMPORT", "ann")]


# How a row that somebody edited by hand is numbered, with the versions kept before and after.
BY_HAND: list[tuple[str, dict[str, object], list[int]]] = [
    ("under its old number", {}, [1, 2, 3]),
    ("under a new number", {"version": 5}, [1, 5, 6]),
]


@pytest.mark.parametrize(("_", "columns", "versions"), BY_HAND, ids=[one[0] for one in BY_HAND])
def test_what_was_edited_by_hand_is_kept_before_it_is_overwritten(
    engine: Engine, case: Case, _: str, columns: dict[str, object], versions: list[int]
) -> None:
    stored(engine, case, None, case.row)
    changed = edited(engine, case, **columns)
    now = stored(engine, case, changed, case.row)
    assert now == found(engine, case) == replace(case.row, version=versions[-1])
    assert kept(engine) == [
        (versions[0], "IMPORT", "ann"),
        (versions[1], "FOUND", None),
        (versions[2], "IMPORT", "ann"),
    ]
    with engine.connect() as connection:
        contents = list(
            connection.execute(select(config_version.c.content).order_by("id")).scalars()
        )
    assert contents == [case.row.content, changed.content, case.row.content]


def test_what_nobody_kept_is_kept_under_its_number(engine: Engine, case: Case) -> None:
    with engine.begin() as connection:
        case.shelf.put(connection, replace(case.row, version=4), new=True)
    stored(engine, case, found(engine, case), replace(case.row, enabled=False))
    assert kept(engine) == [(4, "FOUND", None), (5, "IMPORT", "ann")]


def test_one_of_a_name_that_was_deleted_goes_on_with_its_versions(
    engine: Engine, case: Case
) -> None:
    stored(engine, case, None, case.row)
    with engine.begin() as connection:
        connection.execute(delete(case.table))
    assert stored(engine, case, None, case.row).version == 2
    assert kept(engine) == [(1, "IMPORT", "ann"), (2, "IMPORT", "ann")]


def test_nothing_is_written_over_what_somebody_else_has_changed(engine: Engine, case: Case) -> None:
    first = stored(engine, case, None, case.row)
    changed = edited(engine, case)
    wanted = replace(case.row, text="mine")
    for before in (first, None):
        with pytest.raises(RowStale, match="somebody else has changed 'order' meanwhile"):
            stored(engine, case, before, wanted)
    assert found(engine, case) == changed
    assert kept(engine) == [(1, "IMPORT", "ann")]


def test_others_of_the_same_name_are_left_alone(engine: Engine) -> None:
    row = ChainRow(tenant="1", name="order", text="THEN(a);")
    script = ScriptRow(tenant="1", id="order", text="a")
    chains = [ChainRepository(engine, APPLICATION, name) for name in ("default", "vip")]
    with engine.begin() as connection:
        lock_rules(connection)
        for tenant in ("1", "2"):
            for shelf in chains:
                store(connection, shelf, None, replace(row, tenant=tenant), NOTE)
            store(connection, ScriptRepository(engine, APPLICATION), None, script, NOTE)
            script = replace(script, tenant="0")
        new = store(connection, chains[1], row, replace(row, text="THEN(b);"), NOTE)
    with engine.connect() as connection:
        assert [shelf.find(connection, "1", "order") for shelf in chains] == [row, new]
        assert chains[1].find(connection, "2", "order") == replace(row, tenant="2")
    assert [one.tenant for one in ScriptRepository(engine, APPLICATION).read_all()] == ["0", "1"]


def test_a_version_that_was_kept_can_serve(engine: Engine, connection: Connection) -> None:
    shelf = ChainRepository(engine, APPLICATION, "default")
    case = Case(shelf, ChainRow(tenant="1", name="order", text="THEN(a);"), flow_chain, {})
    first = stored(engine, case, None, case.row)
    second = stored(engine, case, first, replace(first, text="THEN(b);"))
    kept = chain_history(connection, APPLICATION, "default", "1", ["order", "other"])
    assert {name: [one.row for one in once] for name, once in kept.items()} == {
        "order": [second, first]
    }


def test_a_writer_waits_for_the_one_before_it(engine: Engine, case: Case) -> None:
    """So numbers of versions are never given twice, nor is anything seen half."""
    with engine.begin() as connection:
        lock_rules(connection)
        before = first_stand(connection, APPLICATION)
        store(connection, case.shelf, None, case.row, NOTE)
        with engine.connect() as other:
            if other.dialect.name == "sqlite":
                other.execute(text("PRAGMA busy_timeout = 0"))
            else:
                other.execute(text("SET innodb_lock_wait_timeout = 1"))
            with pytest.raises(OperationalError, match=r"(?i)lock"):
                lock_rules(other)
        assert first_stand(connection, APPLICATION).revision == before.revision + 1
