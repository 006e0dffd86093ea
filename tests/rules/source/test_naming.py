"""A deployment's own tables, fields and SQL for chains; and what such names may be."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Engine

from rules.plan import ComponentPolicy
from rules.source.naming import NameInvalid, RuleNames
from rules.source.repository import ChainRow
from rules.source.service import RuleSource
from settings import Settings, SettingsInvalid, load_settings

Components = Mapping[str, ComponentPolicy]

# As LiteFlow's own documentation has it: without tenants, statuses, versions.
TABLE = (
    "CREATE TABLE el_chain (id INT PRIMARY KEY, app VARCHAR(50), chain VARCHAR(50), body TEXT,"
    " enable INT)"
)
ROWS = (
    "INSERT INTO el_chain VALUES (1, 'shop', 'order', 'THEN(a);', 1), (2, 'shop', 'off',"
    " 'THEN(b);', 0), (3, 'bank', 'other', 'THEN(c);', 1)"
)
NAMES = RuleNames(
    chain_table="el_chain",
    chain_application_name_field="app",
    chain_name_field="chain",
    el_data_field="body",
    chain_enable_field="enable",
)
BY_TENANT = """
    SELECT chain_name, chain_code, namespace FROM flow_chain
    WHERE application_name = :applicationName AND tenant_id = :tenantId
      AND status = 'PUBLISHED' AND chain_enable = 1;
"""
# As the platform's own SQL has it.
MYBATIS = BY_TENANT.replace(":applicationName", "#{applicationName}").replace(
    ":tenantId", "#{tenantId}"
)
FOR_ALL = (
    "SELECT chain_name, chain_code, tenant_id, version FROM flow_chain"
    " WHERE application_name = :applicationName AND chain_desc LIKE 'read%'"
)


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def source_of(engine: Engine, components: Components, names: RuleNames) -> RuleSource:
    source = RuleSource(engine, "shop", "default", components, names=names)
    assert source.refresh()
    assert source.status.mode == "comparison"
    return source


def test_a_table_with_other_names_and_fewer_columns(engine: Engine, components: Components) -> None:
    run(engine, TABLE, ROWS)
    try:
        source = source_of(engine, components, NAMES)
        assert dict(source.snapshot.chains("1")) == {
            "order": ChainRow(tenant="1", name="order", text="THEN(a);"),
            "off": ChainRow(tenant="1", name="off", text="THEN(b);", enabled=False),
        }
        run(engine, "UPDATE el_chain SET body = 'THEN(d);' WHERE id = 1")
        assert source.poll()
        assert set(source.snapshot.compiled("1", "order").plan.components) == {"d"}
        before = source.snapshot
        assert source.poll()
        assert source.snapshot.tenant("1") is before.tenant("1")
    finally:
        run(engine, "DROP TABLE el_chain")


@pytest.fixture
def chains(engine: Engine) -> None:
    run(
        engine,
        "INSERT INTO flow_chain (application_name, tenant_id, chain_name, chain_code, status,"
        " chain_desc, version) VALUES ('shop', '1', 'order', 'THEN(a);', 'PUBLISHED', 'ready', 4),"
        " ('shop', '2', 'order', 'THEN(b);', 'PUBLISHED', 'not yet', 1),"
        " ('shop', '2', 'draft', 'THEN(c);', 'DRAFT', 'ready', 1),"
        " ('bank', '1', 'other', 'THEN(d);', 'PUBLISHED', 'ready', 1)",
    )


@pytest.mark.usefixtures("chains")
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (BY_TENANT, {("1", "order", 1), ("2", "order", 1)}),
        (MYBATIS, {("1", "order", 1), ("2", "order", 1)}),
        (FOR_ALL, {("1", "order", 4), ("2", "draft", 1)}),
    ],
)
def test_sql_of_ones_own(
    engine: Engine, components: Components, sql: str, found: set[tuple[str, str, int]]
) -> None:
    source = source_of(engine, components, RuleNames(custom_chain_sql=sql))
    served = source.snapshot
    rows = [row for tenant in served.tenants for row in served.chains(tenant).values()]
    assert {(row.tenant, row.name, row.version) for row in rows} == found
    assert all(row.serving for row in rows)
    run(engine, "DELETE FROM flow_chain WHERE tenant_id = '2'")
    assert source.poll()
    assert source.snapshot.tenants == {"1"}


WRONG: list[tuple[dict[str, str], str]] = [
    ({"chain_table": "flow chain"}, "flow chain"),
    ({"chain_table": "flow_chain; DROP TABLE x"}, "letters, digits and underscores"),
    ({"el_data_field": "`x`"}, "letters"),
    ({"script_table": ""}, "letters"),
    ({"namespace_field": "a" * 65}, "letters"),
    ({"custom_chain_sql": "DELETE FROM flow_chain"}, "one SELECT"),
    ({"custom_chain_sql": "SELECT 1; DROP TABLE flow_chain"}, "one SELECT"),
    ({"custom_chain_sql": "SELECT :tenant"}, "not :tenant"),
    ({"custom_chain_sql": "SELECT #{tenant}"}, "not :tenant"),
]


@pytest.mark.parametrize(("names", "words"), WRONG)
def test_what_is_no_name(
    monkeypatch: pytest.MonkeyPatch, names: dict[str, str], words: str
) -> None:
    with pytest.raises(NameInvalid, match=words):
        RuleNames(**names)
    for name, value in names.items():
        monkeypatch.setenv(f"CHAINSAGA_{name.upper()}", value)
    with pytest.raises(SettingsInvalid, match=words):
        load_settings()


def test_the_settings_name_what_the_migrations_make() -> None:
    assert Settings().rule_names == RuleNames()
    assert Settings().rule_names.usual
    changed = Settings(chain_table="chains", custom_chain_sql="SELECT 1")
    assert changed.rule_names == RuleNames(chain_table="chains", custom_chain_sql="SELECT 1")
    assert not changed.rule_names.usual


REFUSED = [("RULE_REFRESH", "9.9"), ("RULE_POLLING_START", "-1"), ("RULE_LOCK", "true")]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_settings_that_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CHAINSAGA_{name}", value)
    with pytest.raises(SettingsInvalid, match=f"CHAINSAGA_{name}"):
        load_settings()


def test_the_lock_is_off_unless_it_is_wanted() -> None:
    assert Settings(redis_url="redis://localhost").lock_url is None
    assert Settings(redis_url="redis://localhost", rule_lock=True).lock_url == "redis://localhost"
