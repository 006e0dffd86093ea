"""The revision of the rules: raised by every edit, whoever makes it, and by nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, select
from structlog.testing import capture_logs

from migrations.run import downgrade, upgrade
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.metadata import MetadataRepository
from rules.source.tables import rule_change
from tests.activities.mirror.stores import STORES, session_stores
from tests.migrations.test_migrations import OURS, tables

CHAIN = (
    "INSERT INTO flow_chain (tenant_id, chain_name, chain_code, namespace)"
    " VALUES ('1', 'order', 'THEN(a);', 'default')"
)
SCRIPT = (
    "INSERT INTO rule_component (tenant_id, component_id, component_code)"
    " VALUES ('0', 'price', 'return 1')"
)


@pytest.fixture(params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    with session_stores(request.config, tmp_path_factory).migrated(request.param, tmp_path) as url:
        engine = create_engine_for(url, "tests")
        yield engine
        engine.dispose()


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def revision(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT revision FROM rule_revision").scalar_one())


def changed(engine: Engine, since: int) -> set[str]:
    change = rule_change.c
    query = select(
        change.kind, change.application_name, change.namespace, change.tenant_id, change.name
    ).where(change.revision > since)
    with engine.connect() as connection:
        return {"/".join(row) for row in connection.execute(query)}


ORDER = "chain/dms-liteflow/default/1/order"
PRICE = "component/dms-liteflow//0/price"
EDITS: list[tuple[str, tuple[str, ...], set[str]]] = [
    (CHAIN, (), {ORDER}),
    ("UPDATE flow_chain SET chain_code = 'THEN(b);'", (CHAIN,), {ORDER}),
    ("UPDATE flow_chain SET chain_name = 'pay'", (CHAIN,), {ORDER, ORDER[:-5] + "pay"}),
    ("UPDATE flow_chain SET tenant_id = '2'", (CHAIN,), {ORDER, ORDER.replace("/1/", "/2/")}),
    ("DELETE FROM flow_chain", (CHAIN,), {ORDER}),
    (SCRIPT, (), {PRICE}),
    ("UPDATE rule_component SET script_enable = 0", (SCRIPT,), {PRICE}),
    ("DELETE FROM rule_component", (SCRIPT,), {PRICE}),
    ("SELECT 1", (CHAIN,), set()),
]


@pytest.mark.parametrize(("edit", "before", "seen"), EDITS, ids=[case[0][:50] for case in EDITS])
def test_an_edit_raises_the_revision_and_says_what_it_was(
    engine: Engine, edit: str, before: tuple[str, ...], seen: set[str]
) -> None:
    run(engine, *before)
    start = revision(engine)
    run(engine, edit)
    assert (revision(engine) > start) == bool(seen)
    assert changed(engine, start) == seen


def test_scans_of_components_raise_nothing_and_edits_do(engine: Engine) -> None:
    start = revision(engine)
    repository = MetadataRepository(engine, "shop")
    repository.scan({"pay": ComponentPolicy(id="pay")}, ())
    repository.scan({"pay": ComponentPolicy(id="pay", timeout=7)}, ())
    assert revision(engine) == start
    run(engine, "UPDATE saga_component_metadata SET source = 'edited', timeout_seconds = 3")
    assert changed(engine, start) == {"policy/shop//0/pay"}
    given_up = revision(engine)
    run(engine, "UPDATE saga_component_metadata SET source = 'scan'")
    assert changed(engine, given_up) == {"policy/shop//0/pay"}


def test_a_revision_that_was_deleted_begins_again(engine: Engine) -> None:
    run(engine, "DELETE FROM rule_revision", CHAIN)
    assert revision(engine) == 1
    assert changed(engine, 0) == {ORDER}


def test_who_may_make_no_triggers_goes_without(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stores = session_stores(request.config, tmp_path_factory)
    with stores.empty("mariadb", tmp_path) as url:
        given = make_url(url)
        server = stores.mariadb
        server.execute("CREATE OR REPLACE USER poor@'127.0.0.1' IDENTIFIED BY 'poor'")
        rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX"
        server.execute(f"GRANT {rights} ON `{given.database}`.* TO poor@'127.0.0.1'")
        engine = create_engine_for(given.set(username="poor", password="poor"), "tests")
        try:
            with capture_logs():
                upgrade(engine)
            assert tables(engine) == OURS
            assert server.execute(f"SHOW TRIGGERS FROM `{given.database}`") == ()
            run(engine, CHAIN)
            assert revision(engine) == 0
            downgrade(engine)
            assert tables(engine) == set()
        finally:
            engine.dispose()
            server.execute("DROP USER poor@'127.0.0.1'")
