"""What is changed in the database itself is a version of its own number before it serves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy import Table as SqlTable
from structlog.testing import capture_logs

from rules.plan import ComponentPolicy
from rules.source.freeze import freeze_current
from rules.source.repository import ChainRepository, ChainRow
from rules.source.script_repository import ScriptRepository
from rules.source.service import RuleSource
from rules.source.storing import store
from rules.source.tables import config_version, flow_chain, rule_component
from rules.source.versions import Note, Place, record, record_chain
from tests.rules.source.script_rows import put_script

Components = Mapping[str, ComponentPolicy]
Columns = Mapping[str, object]
APPLICATION = "dms-liteflow"
ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")

# What each poll finds; then the number of the row, and every version with its text.
STORIES: list[tuple[str, list[list[Columns]], int, dict[int, str]]] = [
    ("touched", [[{}]], 1, {1: "a"}),
    ("a text", [[{"chain_code": "THEN(b);"}]], 2, {1: "a", 2: "b"}),
    ("a text and a number", [[{"chain_code": "THEN(b);", "version": 7}]], 7, {1: "a", 7: "b"}),
    (
        "one after the other",
        [[{"chain_code": "THEN(b);"}], [{"chain_code": "THEN(c);"}]],
        3,
        {1: "a", 2: "b", 3: "c"},
    ),
    (
        "two before anybody looks",
        [[{"chain_code": "THEN(b);", "version": 2}, {"chain_code": "THEN(c);"}]],
        2,
        {1: "a", 2: "c"},
    ),
    ("a number alone", [[{"version": 4}]], 4, {1: "a", 4: "a"}),
    (
        "and back",
        [[{"chain_code": "THEN(b);"}], [{"chain_code": "THEN(a);"}]],
        3,
        {1: "a", 2: "b", 3: "a"},
    ),
    ("switched off", [[{"chain_enable": False}]], 2, {1: "a", 2: "a"}),
]


@dataclass(frozen=True)
class Table:
    """Where rows are edited: a chain `order` and a script of that id are edited alike."""

    table: SqlTable
    prefix: str
    version: Callable[[RuleSource], int]

    def named(self, columns: Columns) -> Columns:
        """The columns as this table calls them."""
        swap = {"chain_code": "component_code", "chain_enable": "script_enable"}
        chains = self.table is flow_chain
        return columns if chains else {swap.get(name, name): v for name, v in columns.items()}


TABLES = {
    "CHAIN": Table(
        flow_chain, "chain", lambda source: source.snapshot.chains("1")["order"].version
    ),
    "COMPONENT": Table(
        rule_component,
        "component",
        lambda source: source.snapshot.deployments.scripts.own("1")["order"].version,
    ),
}


@pytest.fixture
def source(engine: Engine, repository: ChainRepository, components: Components) -> RuleSource:
    repository.save(ORDER)
    put_script(engine, "1", "order", ORDER.text)
    source = RuleSource(engine, APPLICATION, "default", components)
    assert source.refresh()
    return source


def edit(engine: Engine, table: str = "CHAIN", **columns: object) -> None:
    it = TABLES[table]
    with engine.begin() as connection:
        connection.execute(
            update(it.table).values(update_time=it.table.c.update_time, **it.named(columns))
        )


def versions(engine: Engine, table: str = "CHAIN") -> dict[int, str]:
    """The versions that are kept, by the component that each runs; none of the other table."""
    columns = config_version.c
    with engine.connect() as connection:
        found = connection.execute(
            select(columns.version, columns.content, columns.config_type)
        ).all()
    assert {kind for _, _, kind in found} <= {table}
    code = f"{TABLES[table].prefix}_code"
    return {version: content[code][5] for version, content, _ in found}


def keep(engine: Engine, table: str) -> None:
    """As if what there is had been written by API."""
    with engine.begin() as connection:
        if table == "CHAIN":
            record_chain(connection, APPLICATION, "default", ORDER, Note("CREATE"))
            return
        script = ScriptRepository(engine, APPLICATION).find(connection, "1", "order")
        assert script is not None
        place = Place(APPLICATION, "COMPONENT", "", "1", "order")
        record(connection, place, 1, script.content, Note("CREATE"))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("before", ["kept", "unkept"])
@pytest.mark.parametrize(
    ("polls", "number", "kept"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES]
)
def test_edits_by_hand(
    source: RuleSource,
    engine: Engine,
    polls: list[list[Columns]],
    number: int,
    kept: dict[int, str],
    *,
    before: str,
    table: str,
) -> None:
    if before == "kept":
        keep(engine, table)
    for edits in polls:
        for columns in edits:
            edit(engine, table, **columns)
        assert source.poll()
    assert TABLES[table].version(source) == number
    found = versions(engine, table)
    assert found == (kept if len(kept) > 1 or before == "kept" else {})
    assert not source.stale(), "to have numbered a row is no news"
    seen = source.status.sha
    assert source.poll()
    assert (source.status.sha, versions(engine, table)) == (seen, found), "once is enough"


def test_a_number_that_a_draft_has_is_not_given_again(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        for version, text in ((1, "THEN(a);"), (2, "THEN(d);")):
            draft = replace(ORDER, version=version, text=text)
            record_chain(connection, APPLICATION, "default", draft, Note("DRAFT"))
    edit(engine, chain_code="THEN(b);", version=2)
    assert source.poll()
    assert freeze_current(source, "1", "order", None).plan.version == 3
    assert versions(engine) == {1: "a", 2: "d", 3: "b"}


def test_what_somebody_deletes_can_be_brought_back(
    source: RuleSource, repository: ChainRepository, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(delete(flow_chain))
    assert source.poll()
    assert versions(engine) == {1: "a"}
    with engine.begin() as connection:
        connection.execute(
            insert(flow_chain).values(
                tenant_id="1", chain_name="order", chain_code="THEN(b);", status="PUBLISHED"
            )
        )
    assert source.poll()
    assert versions(engine) == {1: "a", 2: "b"}
    with engine.begin() as connection:
        found = repository.find(connection, "1", "order")
        assert found is not None
        assert found.version == 2
        wanted = replace(found, text="THEN(c);")
        assert store(connection, repository, found, wanted, Note("IMPORT")).version == 3


@pytest.mark.parametrize("table", TABLES)
def test_several_processes_agree(
    source: RuleSource, engine: Engine, components: Components, table: str
) -> None:
    other = RuleSource(engine, APPLICATION, "default", components)
    assert other.refresh()
    edit(engine, table, chain_code="THEN(b);")
    assert source.poll()
    assert other.poll()
    edit(engine, table, chain_code="THEN(c);")
    assert other.poll()
    assert source.poll()
    assert source.status.sha == other.status.sha
    assert TABLES[table].version(source) == TABLES[table].version(other)
    assert versions(engine, table) == {1: "a", 2: "b", 3: "c"}


@pytest.mark.parametrize("table", TABLES)
def test_who_may_not_write_waits_for_somebody_who_may(
    source: RuleSource, engine: Engine, table: str
) -> None:
    edit(engine, table, chain_code="THEN(b);")
    with source.alone():
        assert not source.poll(keep=False)
        assert TABLES[table].version(source) == 1
        assert versions(engine, table) == {}
        assert source.poll()
        assert source.poll(keep=False)
    assert TABLES[table].version(source) == 2


def test_edits_of_all_kinds_in_one_poll(
    source: RuleSource, engine: Engine, repository: ChainRepository
) -> None:
    others = [replace(ORDER, tenant=tenant, name=name) for tenant in "23" for name in "xyz"]
    for row in others:
        repository.save(row)
        put_script(engine, row.tenant, row.name, row.text)
    assert source.poll()
    keep(engine, "CHAIN")
    for table in TABLES:
        edit(engine, table, chain_code="THEN(b);")
    assert source.poll()
    chains = [source.snapshot.chains(row.tenant)[row.name] for row in others]
    scripts = [source.snapshot.deployments.scripts.own(row.tenant)[row.name] for row in others]
    assert {(row.text, row.version) for row in chains} == {("THEN(b);", 2)}
    assert {(row.text, row.version) for row in scripts} == {("THEN(b);", 2)}
    with engine.connect() as connection:
        kept = connection.execute(select(func.count()).select_from(config_version)).scalar()
    assert kept == 2 * (len(others) + 1) * 2


def test_where_nothing_can_be_written_it_serves_all_the_same(
    source: RuleSource, engine: Engine
) -> None:
    one = "CREATE UNIQUE INDEX only_one ON config_version (config_type)"
    with engine.begin() as connection:
        record_chain(connection, APPLICATION, "default", ORDER, Note("CREATE"))
        connection.exec_driver_sql(one)
    edit(engine, chain_code="THEN(b);")
    try:
        with capture_logs() as logs:
            assert source.poll()
    finally:
        gone = "DROP INDEX only_one"
        with engine.begin() as connection:
            on = " ON config_version" if connection.dialect.name != "sqlite" else ""
            connection.exec_driver_sql(gone + on)
    assert "change_not_kept" in {line["event"] for line in logs}
    assert freeze_current(source, "1", "order", None).plan.version == 1


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("without_triggers")
def test_without_triggers_it_is_the_same(source: RuleSource, engine: Engine, table: str) -> None:
    assert source.refresh()
    for letter in "bc":
        edit(engine, table, chain_code=f"THEN({letter});")
        with engine.begin() as connection:
            rows = TABLES[table].table
            connection.execute(update(rows).values(update_time=datetime.now(UTC)))
        assert source.poll()
    assert TABLES[table].version(source) == 3
    assert versions(engine, table) == {1: "a", 2: "b", 3: "c"}
    seen = source.status.sha
    assert source.refresh()
    assert source.status.sha == seen
