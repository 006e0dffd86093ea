"""Polls: what they ask, see and compile; by triggers, and by the times of edits without them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, inspect, update
from structlog.testing import capture_logs

from rules.errors import ChainDisabled, ChainUnknown
from rules.plan import ComponentPolicy
from rules.source.freeze import freeze_current
from rules.source.repository import ChainRepository, ChainRow
from rules.source.revision import EVERYTHING_EVERY
from rules.source.service import RuleSource
from rules.source.status import RefreshReport
from rules.source.tables import flow_chain, rule_revision, saga_component_metadata

Components = Mapping[str, ComponentPolicy]
APPLICATION = "dms-liteflow"
ORDER = ChainRow(tenant="1", name="order", text="THEN(a, pay);")
PAY = ChainRow(tenant="1", name="pay", text="THEN(b);")
OTHER = ChainRow(tenant="2", name="order", text="THEN(c);")


class Reports:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.all: list[RefreshReport] = []

    def refreshed(self, report: RefreshReport) -> None:
        self.all.append(report)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def source(
    engine: Engine, repository: ChainRepository, components: Components, reports: Reports
) -> RuleSource:
    for row in (ORDER, PAY, OTHER):
        repository.save(row)
    source = RuleSource(engine, APPLICATION, "default", components, observer=reports)
    assert source.refresh()
    assert not source.try_some(10)
    return source


@pytest.fixture
def asked(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent, as it happens."""
    statements: list[str] = []

    def note(*given: object) -> None:
        statements.append(str(given[2]))

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def by_hand(engine: Engine, tenant: str, chain: str, **values: Any) -> None:
    """An edit by SQL; where the database does not keep the time, whoever edits must."""
    mine = (flow_chain.c.tenant_id == tenant) & (flow_chain.c.chain_name == chain)
    if engine.dialect.name == "sqlite":
        values.setdefault("update_time", datetime.now(UTC))
    with engine.begin() as connection:
        connection.execute(update(flow_chain).where(mine).values(**values))


def texts(source: RuleSource, tenant: str = "1") -> dict[str, str]:
    return {name: row.text for name, row in source.snapshot.chains(tenant).items()}


@pytest.mark.parametrize("tenants", [1, 30])
def test_an_idle_poll_is_one_query_however_many_tenants_there_are(
    source: RuleSource, repository: ChainRepository, asked: list[str], tenants: int
) -> None:
    for number in range(tenants):
        repository.save(dataclasses.replace(OTHER, tenant=f"t{number}"))
    source.poll()
    asked.clear()
    before = source.snapshot
    for _ in range(3):
        assert source.poll()
    assert len(asked) == 3
    assert source.snapshot is before
    status = source.status
    assert status.mode == "triggers"
    assert status.last is not None
    assert status.last.outcome == "idle"


Change = Callable[[Engine, ChainRepository], None]
Case = tuple[str, Change, Callable[[RuleSource], bool]]
CHANGES: list[Case] = [
    (
        "added by save",
        lambda _, rows: rows.save(dataclasses.replace(PAY, name="new")),
        lambda s: s.snapshot.compiled("1", "new").plan.chain == "new",
    ),
    (
        "changed by save",
        lambda _, rows: rows.save(dataclasses.replace(PAY, text="THEN(d);")),
        lambda s: set(s.snapshot.compiled("1", "order").plan.components) == {"a", "d"},
    ),
    (
        "changed by hand",
        lambda engine, _: by_hand(engine, "1", "pay", chain_code="THEN(d);"),
        lambda s: set(s.snapshot.compiled("1", "order").plan.components) == {"a", "d"},
    ),
    (
        "disabled",
        lambda engine, _: by_hand(engine, "1", "order", chain_enable=False),
        lambda s: fails(s, "order", ChainDisabled),
    ),
    (
        "taken back",
        lambda engine, _: by_hand(engine, "1", "order", status="DRAFT"),
        lambda s: fails(s, "order", ChainDisabled),
    ),
    (
        "renamed",
        lambda engine, _: by_hand(engine, "1", "order", chain_name="orders"),
        lambda s: fails(s, "order", ChainUnknown) and "orders" in texts(s),
    ),
    (
        "given to another tenant",
        lambda engine, _: by_hand(engine, "2", "order", tenant_id="3"),
        lambda s: s.snapshot.tenants == {"1", "3"},
    ),
    (
        "deleted",
        lambda engine, _: delete_chains(engine, "order"),
        lambda s: fails(s, "order", ChainUnknown) and s.snapshot.tenants == {"1"},
    ),
    (
        "another namespace",
        lambda engine, _: by_hand(engine, "1", "order", namespace="apart"),
        lambda s: fails(s, "order", ChainUnknown),
    ),
]
GONE = {"renamed", "given to another tenant", "deleted", "another namespace"}


def delete_chains(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        connection.execute(delete(flow_chain).where(flow_chain.c.chain_name == name))


def fails(source: RuleSource, chain: str, error: type[Exception]) -> bool:
    with pytest.raises(error):
        source.snapshot.compiled("1", chain)
    return True


cases = pytest.mark.parametrize("case", CHANGES, ids=[case[0] for case in CHANGES])


@cases
def test_a_change_is_live_after_the_next_poll(
    source: RuleSource,
    engine: Engine,
    repository: ChainRepository,
    reports: Reports,
    case: Case,
) -> None:
    _, change, seen = case
    sha = source.status.sha
    running = freeze_current(source, "1", "order", None)
    change(engine, repository)
    assert source.poll()
    assert seen(source)
    assert reports.all[-1].outcome == "changed"
    assert source.status.sha != sha
    again = RuleSource(engine, APPLICATION, "default", source.snapshot.components_of("1"))
    assert again.refresh()
    assert again.status.sha == source.status.sha
    assert set(running.plan.components) == {"a", "b"}, "an execution keeps its version"


@cases
@pytest.mark.usefixtures("without_triggers")
def test_without_triggers_a_deletion_is_seen_by_the_tenth_poll(
    source: RuleSource,
    engine: Engine,
    repository: ChainRepository,
    case: Case,
) -> None:
    why, change, seen = case
    assert source.status.mode == "update_time"
    change(engine, repository)
    assert source.poll()
    if why in GONE:
        for _ in range(EVERYTHING_EVERY - 1):
            assert source.poll()
    assert seen(source)


@pytest.mark.usefixtures("without_triggers")
def test_without_triggers_an_idle_poll_is_one_query_too_but_for_the_tenth(
    source: RuleSource, asked: list[str]
) -> None:
    for _ in range(EVERYTHING_EVERY - 1):
        assert source.poll()
    assert len(asked) == EVERYTHING_EVERY - 1
    assert source.poll()
    assert len(asked) > EVERYTHING_EVERY
    assert source.status.tally.changes == 1


@pytest.mark.usefixtures("without_triggers")
def test_without_triggers_a_transaction_that_ends_late_is_seen(
    source: RuleSource, engine: Engine
) -> None:
    by_hand(engine, "2", "order", chain_code="THEN(d);")
    assert source.poll()
    earlier = datetime.now(UTC) - timedelta(seconds=30)
    by_hand(engine, "1", "pay", chain_code="THEN(c);", update_time=earlier)
    assert source.poll()
    assert texts(source)["pay"] == "THEN(c);"


@pytest.mark.usefixtures("without_triggers")
def test_without_triggers_a_time_to_come_hides_no_edit(source: RuleSource, engine: Engine) -> None:
    """As one has it who edits by SQL in a time zone of the East."""
    ahead = datetime.now(UTC) + timedelta(hours=8)
    by_hand(engine, "2", "order", chain_code="THEN(d);", update_time=ahead)
    assert source.poll()
    by_hand(engine, "1", "pay", chain_code="THEN(c);", update_time=datetime.now(UTC))
    assert source.poll()
    assert texts(source)["pay"] == "THEN(c);"


@pytest.mark.usefixtures("without_triggers")
def test_triggers_that_come_later_are_used(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(rule_revision).values(revision=1))
    assert source.poll()
    assert source.status.mode == "triggers"


def test_a_touched_row_that_says_the_same_changes_nothing(
    source: RuleSource, engine: Engine, reports: Reports
) -> None:
    before, status = source.snapshot, source.status
    compiled = before.compiled("1", "order")
    by_hand(engine, "1", "pay", chain_desc=None, update_time=datetime.now(UTC))
    assert source.poll()
    assert reports.all[-1].outcome == "idle"
    assert source.snapshot.tenant("1") is before.tenant("1")
    assert source.snapshot.compiled("1", "order") is compiled
    assert source.status.sha == status.sha
    assert source.status.changed_at == status.changed_at
    assert source.status.revision != status.revision


def test_only_the_changed_tenant_is_made_anew(source: RuleSource, engine: Engine) -> None:
    before = source.snapshot
    by_hand(engine, "1", "pay", chain_code="THEN(d);")
    assert source.poll()
    assert source.snapshot.tenant("2") is before.tenant("2")
    assert source.snapshot.tenant("1") is not before.tenant("1")
    assert set(before.compiled("1", "order").plan.components) == {"a", "b"}


def test_only_changed_rows_are_read(
    source: RuleSource, engine: Engine, repository: ChainRepository, asked: list[str]
) -> None:
    by_hand(engine, "1", "pay", chain_code="THEN(d);")
    asked.clear()
    assert source.poll()
    assert "rule_change" in asked[2]
    assert "config_version" in asked[3]
    assert {statement.partition(" ")[0] for statement in asked[4:]} >= {"INSERT"}, "it is kept"
    kept_now = len(asked)
    asked.clear()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE flow_chain SET update_time = CURRENT_TIMESTAMP")
    asked.clear()
    assert source.poll()
    assert len(asked) == 3 < kept_now, "touched rows are as they were"
    asked.clear()
    ChainRepository(engine, "shop", "default").save(PAY)
    asked.clear()
    assert source.poll()
    assert len(asked) == 2, "rules of another application"


def test_an_edited_policy_is_seen(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            saga_component_metadata.insert().values(
                tenant_id="1",
                application_name=APPLICATION,
                component_id="a",
                kind="common",
                read_only=True,
                irreversible=False,
                timeout_seconds=7,
                heartbeat_seconds=15,
                lost_attempts=3,
                edited_fields=["timeout"],
                source="edited",
                updated_at=datetime.now(UTC),
            )
        )
    assert source.poll()
    assert freeze_current(source, "1", "order", None).plan.components["a"].timeout == 7


def test_a_database_that_was_restored_is_read_anew(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(delete(flow_chain).where(flow_chain.c.chain_name == "pay"))
        connection.execute(update(rule_revision).values(revision=1))
    assert source.poll()
    assert set(texts(source)) == {"order"}
    assert source.status.revision == 1


# SQLite has no TRUNCATE.
@pytest.mark.parametrize("store", ["mariadb"], indirect=True)
def test_a_full_refresh_sees_what_no_trigger_told(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE flow_chain")
    assert source.poll()
    assert source.snapshot.tenants == {"1", "2"}
    assert source.refresh()
    assert source.snapshot.tenants == frozenset()


def test_the_edits_of_one_transaction_come_together(source: RuleSource, engine: Engine) -> None:
    with engine.begin() as connection:
        for name, text in (("pay", "THEN(c);"), ("order", "THEN(pay, d);")):
            mine = (flow_chain.c.tenant_id == "1") & (flow_chain.c.chain_name == name)
            connection.execute(update(flow_chain).where(mine).values(chain_code=text))
    assert source.poll()
    assert set(source.snapshot.compiled("1", "order").plan.components) == {"c", "d"}


def test_few_plans_are_kept(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    for number in range(6):
        repository.save(dataclasses.replace(PAY, name=f"chain{number}"))
    source = RuleSource(engine, APPLICATION, "default", components, most_plans=3)
    first = source.snapshot.compiled("1", "chain0")
    for number in range(6):
        source.snapshot.compiled("1", f"chain{number}")
    assert source.status.plans == 3
    assert source.snapshot.compiled("1", "chain0") is not first
    assert source.clear() == 3
    assert source.status.plans == 0


def test_a_reader_without_the_tables_says_so(source: RuleSource, engine: Engine) -> None:
    assert "rule_revision" in inspect(engine).get_table_names()
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rule_revision RENAME TO away")
    try:
        with capture_logs():
            assert not source.poll()
        status = source.status
        assert status.degraded is not None
        assert "rule_revision" in status.degraded.reason
        assert status.tally.failures == 1
        assert source.snapshot.compiled("1", "order")
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO rule_revision")
    assert source.poll()
    assert source.status.degraded is None
