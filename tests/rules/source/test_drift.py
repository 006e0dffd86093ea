"""What was edited by SQL while no process ran has a number of its own before it serves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine, event, func, select, update
from structlog.testing import capture_logs

from rules.plan import ComponentPolicy
from rules.source import keeping
from rules.source.repository import ChainRepository, ChainRow
from rules.source.script_repository import ScriptRepository
from rules.source.scripts import ScriptRow
from rules.source.service import RuleSource
from rules.source.tables import config_version, flow_chain, rule_component
from rules.source.versions import ConfigType, Note, Place, record

Components = Mapping[str, ComponentPolicy]
APPLICATION = "dms-liteflow"
TYPES: tuple[ConfigType, ...] = ("CHAIN", "COMPONENT")


@dataclass(frozen=True)
class Case:
    """The versions that are kept, the row's number and text; then its number, and what is kept."""

    what: str
    versions: dict[int, str]
    row: tuple[int, str]
    number: int
    after: dict[int, str]


CASES = [
    Case("nothing is kept of it", {}, (3, "a"), 3, {}),
    Case("it is as it was", {1: "a"}, (1, "a"), 1, {1: "a"}),
    Case("another text", {1: "a"}, (1, "b"), 2, {1: "a", 2: "b"}),
    Case("another text and number", {1: "a"}, (5, "b"), 5, {1: "a", 5: "b"}),
    Case("a number alone", {1: "a"}, (5, "a"), 5, {1: "a", 5: "a"}),
    Case("the number of a draft", {1: "a", 2: "d"}, (2, "b"), 3, {1: "a", 2: "d", 3: "b"}),
    Case("beside a draft", {1: "a", 2: "d"}, (1, "b"), 3, {1: "a", 2: "d", 3: "b"}),
    Case("a number that was left out", {2: "a", 4: "b"}, (3, "c"), 5, {2: "a", 4: "b", 5: "c"}),
    Case("back to an earlier one", {1: "a", 2: "b"}, (2, "a"), 3, {1: "a", 2: "b", 3: "a"}),
]


def made(type: ConfigType, number: int, letter: str, name: str = "order") -> ChainRow | ScriptRow:
    text = f"THEN({letter});"
    if type == "CHAIN":
        return ChainRow(tenant="1", name=name, text=text, version=number)
    return ScriptRow(tenant="1", id=name, text=text, version=number)


def put(engine: Engine, row: ChainRow | ScriptRow) -> None:
    with engine.begin() as connection:
        if isinstance(row, ChainRow):
            ChainRepository(engine, APPLICATION, "default").put(connection, row, new=True)
        else:
            ScriptRepository(engine, APPLICATION).put(connection, row, new=True)


def keep(engine: Engine, row: ChainRow | ScriptRow) -> None:
    chain = isinstance(row, ChainRow)
    name = row.name if isinstance(row, ChainRow) else row.id
    place = Place(APPLICATION, TYPES[not chain], "default" if chain else "", "1", name)
    with engine.begin() as connection:
        record(connection, place, row.version, row.content, Note("UPDATE"))


def kept(engine: Engine) -> dict[int, str]:
    columns = config_version.c
    with engine.connect() as connection:
        found = connection.execute(select(columns.version, columns.content)).all()
    return {
        version: (content.get("chain_code") or content["component_code"])[5]
        for version, content in found
    }


def row_of(source: RuleSource, type: ConfigType, name: str = "order") -> tuple[int, str]:
    """The number and the text that are served, or would be."""
    row: ChainRow | ScriptRow = (
        source.snapshot.chains("1")[name]
        if type == "CHAIN"
        else source.snapshot.deployments.scripts.own("1")[name]
    )
    return row.version, row.text[5]


def number_of(engine: Engine, type: ConfigType) -> int:
    table = flow_chain if type == "CHAIN" else rule_component
    with engine.connect() as connection:
        return int(connection.execute(select(table.c.version)).scalar_one())


@pytest.fixture
def source(engine: Engine, components: Components) -> RuleSource:
    """One that has read nothing yet."""
    return RuleSource(engine, APPLICATION, "default", components)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_at_the_start(
    source: RuleSource, engine: Engine, components: Components, case: Case, type: ConfigType
) -> None:
    for version, letter in case.versions.items():
        keep(engine, made(type, version, letter))
    put(engine, made(type, *case.row))
    assert source.refresh()
    number, after = (case.number, case.row[1]), case.after
    assert row_of(source, type) == number
    assert (number_of(engine, type), kept(engine)) == (case.number, after)
    other = RuleSource(engine, APPLICATION, "default", components)
    assert other.refresh()
    assert source.poll()
    assert other.status.sha == source.status.sha
    assert (row_of(other, type), kept(engine)) == (number, after), "once is enough"


def test_who_may_not_write_does_not_read_first(source: RuleSource, engine: Engine) -> None:
    keep(engine, made("CHAIN", 1, "a"))
    put(engine, made("CHAIN", 1, "b"))
    assert not source.poll(keep=False)
    assert kept(engine) == {1: "a"}
    assert source.poll()
    assert source.poll(keep=False)
    assert row_of(source, "CHAIN") == (2, "b")


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    asked: list[str] = []

    def count(*given: object) -> None:
        asked.append(str(given[2]))

    event.listen(engine, "before_cursor_execute", count)
    yield asked
    event.remove(engine, "before_cursor_execute", count)


@pytest.mark.parametrize("edited", [0, 40])
def test_a_start_asks_little_however_much_there_is(
    source: RuleSource, engine: Engine, monkeypatch: pytest.MonkeyPatch, edited: int
) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 20)
    for number in range(40):
        for type in TYPES:
            row = made(type, 1, "a", f"n{number}")
            keep(engine, row)
            put(engine, replace(row, text="THEN(b);") if number < edited else row)
    with statements(engine) as asked:
        assert source.refresh()
    rows = {row_of(source, type, f"n{number}") for type in TYPES for number in range(40)}
    assert rows == {(2, "b") if edited else (1, "a")}
    reading, writing = 10, 4 * 10
    assert len(asked) <= reading + (writing if edited else 0), asked
    with engine.connect() as connection:
        total = connection.execute(select(func.count()).select_from(config_version)).scalar()
    assert total == 80 + 2 * edited


def test_it_starts_where_nothing_can_be_written_and_tries_again(
    source: RuleSource, engine: Engine
) -> None:
    keep(engine, made("CHAIN", 1, "a"))
    put(engine, made("CHAIN", 1, "b"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX only_one ON config_version (config_type)")
    with capture_logs() as logs:
        assert source.refresh()
    assert [line["name"] for line in logs if line["event"] == "change_not_kept"] == ["order"]
    assert row_of(source, "CHAIN") == (1, "b")
    with engine.begin() as connection:
        on = " ON config_version" if connection.dialect.name != "sqlite" else ""
        connection.exec_driver_sql("DROP INDEX only_one" + on)
    assert source.refresh()
    assert row_of(source, "CHAIN") == (2, "b")
    assert kept(engine) == {1: "a", 2: "b"}


def test_it_starts_where_versions_cannot_be_read(source: RuleSource, engine: Engine) -> None:
    put(engine, made("CHAIN", 1, "b"))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE config_version RENAME TO elsewhere")
    with capture_logs() as logs:
        assert source.refresh()
    assert "changes_not_looked_for" in {line["event"] for line in logs}
    assert source.snapshot.compiled("1", "order").plan.version == 1


def test_rows_of_others_are_left_alone(
    source: RuleSource, engine: Engine, components: Components
) -> None:
    """Of another application or namespace, or of another case of the name."""
    keep(engine, made("CHAIN", 1, "a"))
    keep(engine, made("COMPONENT", 1, "a"))
    for name in ("Order", "ORDER"):
        put(engine, made("CHAIN", 1, "b", name))
        put(engine, made("COMPONENT", 1, "b", name))
    put(engine, made("CHAIN", 1, "b"))
    put(engine, made("COMPONENT", 1, "b"))
    with engine.begin() as connection:
        mine = flow_chain.c.chain_name == "order"
        connection.execute(update(flow_chain).where(mine).values(namespace="elsewhere"))
        mine = rule_component.c.component_id == "order"
        connection.execute(update(rule_component).where(mine).values(application_name="other"))
    assert source.refresh()
    assert kept(engine) == {1: "a"}
