"""The platform's own tables, with rows in them: taken over by the migrations, and given back."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

from migrations.adoption import PlatformRowsClash
from migrations.kept import KEPT
from migrations.rebuilding import PlatformRowsUnfit
from migrations.run import downgrade, upgrade
from rules.config.changes import publish
from rules.config.kinds import CHAINS, COMPONENTS, Key, Kind
from rules.config.writing import Asked, ConfigWriter, Verdict
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from rules.source.versions import Note
from tests.activities.mirror.stores import STORES, session_stores
from tests.migrations.test_migrations import OURS, tables

PLATFORM = (
    """CREATE TABLE flow_chain (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tenant_id BIGINT NOT NULL COMMENT 'a tenant, 100% of them',
  chain_name VARCHAR(100) NOT NULL,
  chain_code TEXT,
  route VARCHAR(200),
  status VARCHAR(20) DEFAULT 'DRAFT',
  owner VARCHAR(50),
  update_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY idx_owner (owner)
) DEFAULT CHARSET=utf8mb4""",
    """CREATE TABLE rule_component (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  component_id VARCHAR(100) NOT NULL,
  component_name VARCHAR(100),
  component_code TEXT,
  component_type VARCHAR(20),
  status VARCHAR(20)
) DEFAULT CHARSET=utf8mb4""",
    "CREATE TABLE config_version (id BIGINT PRIMARY KEY, snapshot TEXT)",
)
CHAIN_ROWS = (
    "INSERT INTO flow_chain (tenant_id, chain_name, chain_code, status, owner, update_time) VALUES"
    " (1, 'order', 'THEN(a);', 'PUBLISHED', 'ann', '2025-01-02 03:04:05'),"
    " (1, 'draft', 'THEN(b);', 'DRAFT', NULL, '2025-01-02 03:04:05'),"
    " (2, 'order', 'THEN(c);', 'PUBLISHED', NULL, '2025-01-02 03:04:05'),"
    " (2, 'Order', NULL, NULL, NULL, '2025-01-02 03:04:05')"
)
COMPONENT_ROWS = (
    "INSERT INTO rule_component (id, tenant_id, component_id, component_code, component_type,"
    " status) VALUES (7, 1, 'price', 'return 1', 'script', 'PUBLISHED'),"
    " (8, 1, 'old', 'x', NULL, 'DRAFT')"
)
ROWS = (CHAIN_ROWS, COMPONENT_ROWS, "INSERT INTO config_version VALUES (1, '{}')")


SQLITE = (
    """CREATE TABLE flow_chain (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id BIGINT NOT NULL,
  chain_name VARCHAR(100) NOT NULL,
  chain_code TEXT,
  route VARCHAR(200),
  status VARCHAR(20) DEFAULT 'DRAFT', -- 100% of them
  owner VARCHAR(50) DEFAULT ('no' || 'body'),
  update_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP
)""",
    "CREATE INDEX idx_owner ON flow_chain (owner)",
    "CREATE TRIGGER owned AFTER UPDATE OF owner ON flow_chain BEGIN SELECT RAISE(ABORT, 'x'); END",
    """CREATE TABLE rule_component (
  id BIGINT NOT NULL PRIMARY KEY,
  tenant_id BIGINT NOT NULL,
  component_id VARCHAR(100) NOT NULL,
  component_name VARCHAR(100),
  component_code TEXT,
  component_type VARCHAR(20),
  status VARCHAR(20),
  UNIQUE (tenant_id, component_id)
)""",
    "CREATE TABLE config_version (id BIGINT PRIMARY KEY, snapshot TEXT)",
)
MADE = {"mariadb": PLATFORM, "sqlite": SQLITE}


@pytest.fixture(params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """The platform's database; it runs on MySQL, and one of its copies on SQLite."""
    stores = session_stores(request.config, tmp_path_factory)
    with stores.empty(request.param, tmp_path) as url:
        engine = create_engine_for(url, "tests")
        run(engine, *MADE[request.param], *ROWS)
        yield engine
        engine.dispose()


on_mariadb = pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def asked(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def contents(engine: Engine, names: Iterable[str]) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        found = {
            name: connection.execute(select(text("*")).select_from(text(name))) for name in names
        }
        return {name: [tuple(row) for row in rows] for name, rows in found.items()}


def definition(engine: Engine, table: str) -> str:
    """What the table is, but for where its numbering has come to; with all that belongs to it."""
    if is_sqlite(engine):
        made = asked(engine, "SELECT tbl_name, sql FROM sqlite_master ORDER BY name")
        # A table that was renamed once has its name in quotes.
        return "\n".join(str(sql).replace('"', "") for name, sql in made if name == table)
    text = str(asked(engine, f"SHOW CREATE TABLE {table}")[0][1])
    return " ".join(word for word in text.split() if not word.startswith("AUTO_INCREMENT="))


def check_rows(engine: Engine) -> None:
    assert ChainRepository(engine, "dms-liteflow", "default").read_all() == (
        ChainRow(tenant="1", name="draft", text="THEN(b);", status="DRAFT", enabled=False),
        ChainRow(tenant="1", name="order", text="THEN(a);"),
        ChainRow(tenant="2", name="Order", text="", status="DRAFT", enabled=False),
        ChainRow(tenant="2", name="order", text="THEN(c);"),
    )
    components = asked(
        engine,
        "SELECT application_name, tenant_id, component_id, component_type, language, script_enable"
        " FROM rule_component ORDER BY component_id",
    )
    assert components == [
        ("dms-liteflow", "1", "old", "script", "java", 0),
        ("dms-liteflow", "1", "price", "script", "java", 1),
    ]
    # The rows were not edited: what was edited last stays so.
    edited = asked(engine, "SELECT DISTINCT CAST(update_time AS CHAR) FROM flow_chain")
    fraction = "" if is_sqlite(engine) else ".000000"
    assert edited == [(f"2025-01-02 03:04:05{fraction}",)]


def columns(engine: Engine, table: str) -> dict[str, tuple[str, bool]]:
    found = inspect(engine).get_columns(table)
    # On SQLite a text has whatever length.
    types = (str(one["type"]) for one in found)
    said = ("TEXT" if is_sqlite(engine) and one.startswith("VARCHAR") else one for one in types)
    return {one["name"]: (type, one["nullable"]) for one, type in zip(found, said, strict=True)}


def test_rows_survive_the_way_up_and_down_and_up_again(engine: Engine, tmp_path: Path) -> None:
    names = ("flow_chain", "rule_component", "config_version")
    before = {name: definition(engine, name) for name in names}
    rows = contents(engine, [n for n in names if "chain" not in n])
    for _ in range(2):
        upgrade(engine)
        assert tables(engine) == OURS | {KEPT, "config_version_platform"}
        check_rows(engine)
        downgrade(engine)
        assert tables(engine) == set(names)
        assert {name: definition(engine, name) for name in names} == before
        after = contents(engine, rows)
        # What was open was filled; it stays so.
        assert [row[:5] for row in after["rule_component"]] == [
            row[:5] for row in rows["rule_component"]
        ]
        assert after["config_version"] == rows["config_version"]
    owners = asked(engine, "SELECT chain_name, owner FROM flow_chain WHERE owner IS NOT NULL")
    assert owners == [("order", "ann")]


def test_what_is_taken_over_is_what_is_made_new(engine: Engine, tmp_path: Path) -> None:
    upgrade(engine)
    fresh = create_engine_for(f"{engine.url.render_as_string(hide_password=False)}_new", "tests")
    if not is_sqlite(engine):
        run(engine, f"CREATE DATABASE `{fresh.url.database}`")
    try:
        upgrade(fresh)
        for table in ("flow_chain", "rule_component", "config_version"):
            ours, theirs = columns(fresh, table), columns(engine, table)
            assert {name: theirs[name] for name in ours} == ours
            indexes = [{i["name"] for i in inspect(e).get_indexes(table)} for e in (fresh, engine)]
            assert indexes[0] <= indexes[1]
    finally:
        fresh.dispose()
        if not is_sqlite(engine):
            run(engine, f"DROP DATABASE `{fresh.url.database}`")


# Where somebody has already done by hand what the platform had planned.
PLANNED = (
    "ALTER TABLE {} ADD COLUMN application_name VARCHAR(100) NOT NULL DEFAULT 'dms-liteflow'",
    "CREATE INDEX idx_app_tenant ON {}(application_name, tenant_id, status)",
)
PLANNED_OF_CHAINS = (
    "ALTER TABLE flow_chain ADD COLUMN chain_enable TINYINT NOT NULL DEFAULT 1 COMMENT '启用'",
    "ALTER TABLE flow_chain ADD COLUMN namespace VARCHAR(100) DEFAULT 'default'",
    "CREATE INDEX idx_chain_enable ON flow_chain(chain_enable)",
    "UPDATE flow_chain SET chain_enable = 0 WHERE tenant_id = 2",
)


def test_columns_that_are_there_already_keep_their_values(engine: Engine) -> None:
    names = ("flow_chain", "rule_component")
    planned = [each.format(name) for each in PLANNED for name in names]
    if is_sqlite(engine):
        # There is no index of a name twice, nor a comment.
        planned.pop()
    for statement in (*planned, *PLANNED_OF_CHAINS):
        run(engine, statement.partition(" COMMENT")[0] if is_sqlite(engine) else statement)
    before = {name: definition(engine, name) for name in names}
    upgrade(engine)
    chains = ChainRepository(engine, "dms-liteflow", "default").read_all()
    assert {(one.tenant, one.name) for one in chains if one.serving} == {("1", "order")}
    assert [one.enabled for one in chains] == [True, True, False, False]
    downgrade(engine)
    assert {name: definition(engine, name) for name in names} == before


NEW_ROWS = {
    "flow_chain": "INSERT INTO flow_chain (tenant_id, chain_name, chain_code)"
    " VALUES ('acme', 'new', 'THEN(a);')",
    "rule_component": "INSERT INTO rule_component (tenant_id, component_id, component_code)"
    " VALUES ('acme', 'new', 'x')",
}


REPAIRS = {
    "flow_chain": "UPDATE flow_chain SET tenant_id = '9' WHERE tenant_id = 'acme'",
    "rule_component": "UPDATE rule_component SET tenant_id = '9' WHERE tenant_id = 'acme'",
}


@pytest.mark.parametrize("table", NEW_ROWS)
def test_rows_of_now_go_down_too_once_the_old_columns_can_hold_them(
    engine: Engine, table: str
) -> None:
    before = definition(engine, table)
    upgrade(engine)
    number = len(contents(engine, [table])[table])
    run(engine, NEW_ROWS[table])
    with pytest.raises((DBAPIError, PlatformRowsUnfit), match="tenant_id"):
        downgrade(engine)
    run(engine, REPAIRS[table])
    downgrade(engine)
    assert definition(engine, table) == before
    after = contents(engine, [table])[table]
    assert len(after) == number + 1
    assert sum(9 in row for row in after) == 1


@on_sqlite
def test_a_migration_that_fails_changes_nothing(engine: Engine) -> None:
    before = {name: definition(engine, name) for name in tables(engine)}
    run(engine, "CREATE TABLE rule_component_new (id INTEGER)")
    with pytest.raises(DBAPIError, match="rule_component_new"):
        upgrade(engine)
    run(engine, "DROP TABLE rule_component_new")
    assert {name: definition(engine, name) for name in tables(engine)} == before
    upgrade(engine)
    check_rows(engine)
    downgrade(engine)
    assert {name: definition(engine, name) for name in tables(engine)} == before


@on_mariadb
def test_a_migration_that_was_cut_off_can_be_repeated(engine: Engine) -> None:
    before = definition(engine, "flow_chain")
    # As a migration leaves it that ended after its first column.
    run(
        engine,
        "CREATE TABLE platform_column (table_name VARCHAR(64), column_name VARCHAR(128),"
        " definition TEXT, PRIMARY KEY (table_name, column_name))",
        "INSERT INTO platform_column VALUES ('flow_chain', 'application_name', NULL)",
        "ALTER TABLE flow_chain ADD COLUMN application_name VARCHAR(100)",
    )
    upgrade(engine)
    check_rows(engine)
    downgrade(engine)
    assert definition(engine, "flow_chain") == before


def test_rows_that_would_be_one_are_refused_before_anything_is_done(engine: Engine) -> None:
    run(engine, "INSERT INTO flow_chain (tenant_id, chain_name) VALUES (1, 'order')")
    before = definition(engine, "flow_chain")
    with pytest.raises(PlatformRowsClash, match="dms-liteflow, default, 1, order"):
        upgrade(engine)
    assert definition(engine, "flow_chain") == before
    run(engine, "DELETE FROM flow_chain WHERE chain_code IS NULL AND tenant_id = 1")
    upgrade(engine)
    check_rows(engine)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(CHAINS, Key("default", "1", "draft")), (COMPONENTS, Key("", "1", "old"))],
    ids=["chain", "script"],
)
def test_a_draft_that_was_taken_over_serves_once_it_is_published(
    engine: Engine, kind: Kind, key: Key
) -> None:
    upgrade(engine)
    rules = RuleSource(engine, "dms-liteflow", "default", {"b": ComponentPolicy(id="b")})
    writer = ConfigWriter(engine, "dms-liteflow", kind, rules)
    written = writer.write(Asked(key, publish, Note("UPDATE", "ann"), lambda *_: Verdict(), 1))
    assert written.standing.row is not None
    assert kind.live(written.standing.row.content)
    assert written.standing.on
    if kind is CHAINS:
        assert rules.snapshot.compiled("1", "draft").plan.version == 2
