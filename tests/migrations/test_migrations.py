"""The migrations: they make what the tables say, go back to nothing, render for all dialects."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Dialect, Engine, Table, inspect
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect
from sqlalchemy.schema import CreateColumn, CreateIndex, CreateTable, ExecutableDDLElement

import migrations.run
from activities.mirror import tables as mirror_tables
from activities.mirror.reader import MirrorReader
from migrations.run import downgrade, render, upgrade
from rules.source import tables as rule_tables
from rules.source.engine import create_engine_for
from rules.source.metadata import MetadataRepository, MetadataRow
from rules.source.repository import ChainRepository
from tests.activities.mirror.stores import STORES, session_stores

OURS = {
    "flow_chain",
    "saga_execution",
    "saga_step_execution",
    "saga_compensation_log",
    "saga_component_metadata",
    "mirror_watermark",
    "saga_alert",
    "rule_component",
    "config_version",
    "rule_revision",
    "rule_change",
}
LATER = {
    "mirror_watermark",
    "saga_alert",
    "rule_component",
    "config_version",
    "rule_revision",
    "rule_change",
}
# Columns of later migrations: in no CREATE TABLE.
ADDED_LATER = {
    "saga_execution": ("waiting", "decisions", "parent", "parent_id"),
    "saga_step_execution": ("name", "note", "sub_runs"),
    "flow_chain": ("undo_policy", "route", "extends_chain", "draft_version"),
    "rule_component": ("draft_version",),
    "config_version": ("request_key", "request_sha"),
    "saga_component_metadata": (
        "compensate_when",
        "compensation_source",
        "failure_rounds",
        "failure_afterwards",
        "failure_deadline_seconds",
        "failure_default",
        "edited_fields",
        "edited_by",
        "edited_at",
        "version",
        "gone_since",
    ),
}
ALL_TABLES = [*rule_tables.metadata.sorted_tables, *mirror_tables.metadata.sorted_tables]
DIALECTS = ["mysql+pymysql://", "mariadb+pymysql://", "sqlite://"]


@pytest.fixture(params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    folder = tmp_path / "100%"
    folder.mkdir()
    stores = session_stores(request.config, tmp_path_factory)
    with stores.empty(request.param, folder) as url:
        engine = create_engine_for(url, "tests")
        yield engine
        engine.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_up_and_down_and_up_again(engine: Engine) -> None:
    for _ in range(2):
        upgrade(engine)
        assert tables(engine) == OURS
        upgrade(engine)
        downgrade(engine)
        assert tables(engine) == set()


def test_a_url_will_do(engine: Engine) -> None:
    upgrade(engine.url.render_as_string(hide_password=False))
    assert tables(engine) == OURS
    downgrade(engine.url.render_as_string(hide_password=False))
    assert tables(engine) == set()


def test_one_step_up_and_down(engine: Engine) -> None:
    upgrade(engine, "0001")
    assert tables(engine) == OURS - LATER
    upgrade(engine)
    downgrade(engine, "0001")
    assert tables(engine) == OURS - LATER


def test_what_older_processes_wrote_stays_readable(engine: Engine) -> None:
    upgrade(engine, "0002")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO saga_execution (tenant_id, execution_id, chain_name, rule_version,"
            " plan_sha, request_sha, status, first_run_id, revision, started_at, updated_at,"
            " version) VALUES ('1', 'old', 'c', 1, 'p', 'r', 'RUNNING', '', 0,"
            " '2026-01-01 12:00:00', '2026-01-01 12:00:00',"
            " '1-0000000000000000-0-000000000-0')"
        )
    upgrade(engine)
    found = MirrorReader(engine).get("1", "old")
    assert found is not None
    assert (found.waiting, found.decisions) == ((), ())
    downgrade(engine, "0002")
    assert "waiting" not in [c["name"] for c in inspect(engine).get_columns("saga_execution")]


def test_a_process_of_before_can_still_write_policies(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO saga_component_metadata (tenant_id, application_name, component_id, kind,"
            " read_only, irreversible, timeout_seconds, heartbeat_seconds, lost_attempts,"
            " failure_strategy, source, updated_at) VALUES ('0', 'shop', 'pay', 'common', 0, 0, 4,"
            " 15, 3, 'COMPENSATE', 'scan', '2026-01-01 12:00:00')"
        )
    repository = MetadataRepository(engine, "shop")
    assert repository.rows("1") == {("0", "pay"): MetadataRow("0", "pay")}
    downgrade(engine, "0003")
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT component_id FROM saga_component_metadata").all()
    assert [row[0] for row in rows] == ["pay"]


def test_chains_of_before_extend_nothing_and_stay(engine: Engine) -> None:
    upgrade(engine, "0005")
    insert = (
        "INSERT INTO flow_chain (tenant_id, chain_name, chain_code) VALUES ('1', '{}', 'THEN(a);')"
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(insert.format("old"))
    upgrade(engine)
    repository = ChainRepository(engine, "dms-liteflow", "default")
    (old,) = repository.read_all()
    assert (old.name, old.extends, old.route) == ("old", None, None)
    repository.save(replace(old, name="new", extends="old", route="isNew"))
    # A process of before goes on writing meanwhile.
    with engine.begin() as connection:
        connection.exec_driver_sql(insert.format("older"))
    assert [row.extends for row in repository.read_all()] == ["old", None, None]
    downgrade(engine, "0005")
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT chain_name FROM flow_chain ORDER BY 1").all()
    assert [row[0] for row in names] == ["new", "old", "older"]


def test_the_tables_are_what_the_code_says(engine: Engine) -> None:
    upgrade(engine)
    metadata = [rule_tables.metadata, mirror_tables.metadata]
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        assert compare_metadata(context, metadata) == []  # type: ignore[arg-type]  # it takes several


@pytest.mark.parametrize("url", DIALECTS)
def test_offline_sql(url: str) -> None:
    sql = render(url)
    assert sql.count("CREATE TABLE") == len(OURS) + 1
    mysql = "sqlite" not in url
    assert ("DATETIME(6)" in sql) == mysql
    assert ("LONGTEXT" in sql) == mysql
    assert ("COLLATE utf8mb4_bin" in sql) == mysql
    assert ("ON UPDATE CURRENT_TIMESTAMP(6)" in sql) == mysql


def test_alembics_own_command_line_finds_the_database(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("CHAINSAGA_DATABASE_URL", url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.run.__file__).parent))
    command.upgrade(config, "head")
    assert tables(engine) == OURS


def test_without_a_database_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAINSAGA_DATABASE_URL", raising=False)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.run.__file__).parent))
    with pytest.raises(Exception, match="CHAINSAGA_DATABASE_URL"):
        command.upgrade(config, "head")


@pytest.mark.parametrize("dialect", [mysql.dialect(), MariaDBDialect()], ids=["mysql", "mariadb"])
@pytest.mark.parametrize("table", ALL_TABLES, ids=[table.name for table in ALL_TABLES])
def test_other_databases_get_the_same_tables(dialect: Dialect, table: Table) -> None:
    """On SQLite alembic compares; here the text of the statements must be the same."""
    rendered = " ".join(render(f"{dialect.name}+pymysql://").split())
    ddl: list[ExecutableDDLElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]
    added = ADDED_LATER.get(table.name, ())
    columns = [compiled(CreateColumn(table.columns[name]), dialect) for name in added]
    for column in columns:
        assert f"ALTER TABLE {table.name} ADD COLUMN {column};" in rendered
    for statement in ddl:
        text = compiled(statement, dialect)
        for column in columns:
            text = text.replace(f" {column},", "")
        assert text in rendered


def compiled(element: ExecutableDDLElement | CreateColumn, dialect: Dialect) -> str:
    return " ".join(str(element.compile(dialect=dialect)).split())
