"""The rule source: refreshing, and serving on while the database is away."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from migrations.run import upgrade
from rules.errors import ChainUnknown, RulesUnavailable
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.freeze import freeze_current
from rules.source.repository import ChainRepository, ChainRow
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
