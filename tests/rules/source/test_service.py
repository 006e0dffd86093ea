"""The rule source: refreshing, and serving on while the database is away."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from migrations.run import upgrade
from rules.errors import ChainUnknown, RoutesUnknown, RulesUnavailable
from rules.plan import ComponentPolicy
from rules.source.edits import PolicyEdit
from rules.source.engine import create_engine_for
from rules.source.freeze import freeze_current
from rules.source.metadata import MetadataRepository, Write
from rules.source.repository import ChainRepository, ChainRow
from rules.source.routes import current_routes
from rules.source.service import RETRY_SECONDS, RuleSource

Components = Mapping[str, ComponentPolicy]
ORDER = ChainRow(tenant="1", name="order", text="THEN(a, b);")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source(engine: Engine, repository: ChainRepository, components: Components) -> RuleSource:
    repository.save(ORDER)
    return RuleSource(engine, "dms-liteflow", "default", components)


def test_a_refresh_swaps_the_snapshot_and_keeps_what_is_compiled(
    source: RuleSource, repository: ChainRepository
) -> None:
    first = source.snapshot
    compiled = first.compiled("1", "order")
    repository.save(ChainRow(tenant="2", name="refund", text="THEN(c);"))
    assert source.snapshot is first
    assert source.refresh()
    assert source.snapshot is not first
    assert source.snapshot.compiled("1", "order") is compiled
    assert source.snapshot.tenants == {"1", "2"}
    assert first.tenants == {"1"}
    status = source.status
    assert (status.chains, status.tenants, status.degraded) == (2, 2, None)
    assert (status.application, status.namespace) == ("dms-liteflow", "default")
    assert status.refreshed_at is not None


def test_the_old_rules_serve_while_the_database_is_away(source: RuleSource, engine: Engine) -> None:
    source.refresh()
    served = source.snapshot
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE flow_chain RENAME TO away")
    with capture_logs() as logs:
        assert not source.refresh()
        first = source.status.degraded
        assert not source.refresh()
        assert source.snapshot is served
        assert first is not None
        assert "flow_chain" in first.reason
        second = source.status.degraded
        assert second is not None
        assert second.since == first.since

        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO flow_chain")
        assert source.refresh()
    assert source.status.degraded is None
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("error", "rules_not_read"),
        ("error", "rules_not_read"),
        ("info", "rules_read_again"),
    ]


def edit(engine: Engine, tenant: str, timeout: float, component: str = "a") -> None:
    """What the API does before it reads the rules again."""
    repository = MetadataRepository(engine, "dms-liteflow")
    changes = PolicyEdit(timeout=timeout)
    policy = ComponentPolicy(id=component, timeout=timeout)
    row = repository.rows(tenant, component).get((tenant, component))
    repository.edit(
        Write(
            tenant=tenant,
            policy=policy,
            compensation_source=None,
            edit=changes,
            version=row.version if row else 0,
            operator="ann",
        )
    )


def timeout(source: RuleSource) -> float:
    return freeze_current(source, "1", "order", None).plan.components["a"].timeout


def test_an_edit_serves_from_the_next_reading_and_compiles_nothing(
    source: RuleSource, engine: Engine
) -> None:
    compiled = source.snapshot.compiled("1", "order")
    assert timeout(source) == 60
    edit(engine, "0", 20)
    assert timeout(source) == 60, "no start asks the database"
    source.refresh()
    assert timeout(source) == 20
    assert source.snapshot.compiled("1", "order") is compiled
    edit(engine, "1", 30)
    source.refresh()
    assert timeout(source) == 30
    assert RuleSource(engine, "bank", "default", {}).snapshot.edits.by_tenant == {}


@pytest.mark.parametrize("table", ["saga_component_metadata", "flow_chain"])
def test_the_last_known_edits_serve_while_the_database_is_away(
    source: RuleSource, engine: Engine, table: str
) -> None:
    edit(engine, "1", 20)
    source.refresh()
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO away")
    with capture_logs() as logs:
        assert not source.refresh()
        assert timeout(source) == 20
    assert source.status.degraded is not None
    assert [(line["log_level"], line["event"], line["serving_old"]) for line in logs] == [
        ("error", "rules_not_read", True)
    ]
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE away RENAME TO {table}")
    edit(engine, "1", 30)
    assert source.refresh()
    assert timeout(source) == 30
    assert source.status.degraded is None


def test_rules_that_were_never_read_are_tried_again_every_few_seconds(
    tmp_path: Path, components: Components
) -> None:
    url = f"sqlite:///{tmp_path}/later/rules.db"
    engine, clock = create_engine_for(url, "tests"), Clock()
    source = RuleSource(engine, "dms-liteflow", "default", components, clock=clock)
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(RulesUnavailable, match="unable to open"):
                _ = source.snapshot
        assert len(logs) == 1

        (tmp_path / "later").mkdir()
        upgrade(url)
        ChainRepository(engine, "dms-liteflow", "default").save(ORDER)
        clock.now += RETRY_SECONDS - 0.1
        with pytest.raises(RulesUnavailable):
            _ = source.snapshot
        clock.now += 0.2
        assert source.snapshot.compiled("1", "order").plan.chain == "order"
    engine.dispose()


def test_who_misses_a_chain_looks_again_every_few_seconds(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    clock = Clock()
    source = RuleSource(engine, "dms-liteflow", "default", components, clock=clock)
    assert source.look_again()
    repository.save(ORDER)
    for _ in range(2):
        assert not source.look_again()
        with pytest.raises(ChainUnknown):
            freeze_current(source, "1", "order", None)
    clock.now += RETRY_SECONDS
    assert freeze_current(source, "1", "order", None).plan.chain == "order"


def test_status_before_anything_was_read(source: RuleSource) -> None:
    status = source.status
    assert (status.chains, status.refreshed_at, status.degraded) == (0, None, None)


def test_further_namespaces_are_read_together(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    further = ChainRepository(engine, "dms-liteflow", "campaign")
    repository.save(ORDER)
    further.save(ChainRow(tenant="1", name="gift", text="THEN(order, c);"))
    source = RuleSource(
        engine, "dms-liteflow", "default", components, further=("campaign", "default", "bare")
    )
    assert source.namespaces == ("default", "campaign", "bare")
    gift = source.snapshot_of("campaign").compiled("1", "gift")
    assert gift.includes == {"order"}
    assert set(source.snapshot.chains("1")) == {"order"}
    assert source.snapshot_of("bare").tenants == frozenset()
    assert source.status.chains == 1
    # A change of the first namespace reaches what is built on it.
    repository.save(ChainRow(tenant="1", name="order", text="THEN(d);"))
    assert source.refresh()
    after = source.snapshot_of("campaign").compiled("1", "gift")
    assert set(after.plan.components) == {"c", "d"}


ROUTE = ChainRow(tenant="1", name="gift", text="THEN(a);", route="is")


def test_routes_are_looked_for_again_and_edited(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    clock = Clock()
    known = {**components, "is": ComponentPolicy(id="is", kind="boolean", read_only=True)}
    source = RuleSource(engine, "dms-liteflow", "default", known, clock=clock)
    with pytest.raises(RoutesUnknown) as caught:
        current_routes(source, "1", None)
    assert (caught.value.namespace, caught.value.served) == ("default", ("default",))
    repository.save(ROUTE)
    repository.save(replace(ROUTE, name="wrong", route="a"))
    edit(engine, "1", 3, "is")
    with pytest.raises(RoutesUnknown):
        current_routes(source, "1", None)
    clock.now += RETRY_SECONDS
    found = current_routes(source, "1", "default")
    assert (list(found.plans), list(found.broken)) == (["gift"], ["wrong"])
    assert found.chains == ("gift", "wrong")
    assert found.plans["gift"].components["is"].timeout == 3
    with pytest.raises(RoutesUnknown):
        current_routes(source, "1", "campaign")
