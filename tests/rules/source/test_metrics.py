"""The metrics of the rules: what each says after refreshes, failures and a bad edit."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from structlog.testing import capture_logs

from activities.metrics_port import metrics_port
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.metrics import rule_registry
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from rules.source.status import BOUNDS, RefreshReport, Tally

Components = Mapping[str, ComponentPolicy]
ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")
PREFIX = "chainsaga_rule_"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

get = build_opener(ProxyHandler({})).open


def text_of(source: RuleSource) -> str:
    return generate_latest(rule_registry(lambda: source.status)).decode()


def numbers(source: RuleSource) -> dict[str, float]:
    """The metrics by name and label, without those of the histogram's steps."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text_of(source)):
        assert family.documentation, family.name
        assert family.type in ("counter", "gauge", "histogram"), family.name
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("application"), labels.pop("namespace")) == (
                "dms-liteflow",
                "default",
            )
            if "le" not in labels:
                name = sample.name.removeprefix(PREFIX)
                found[",".join([name, *labels.values()])] = sample.value
    return found


def test_they_follow_what_happens(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    repository.save(ORDER)
    source = RuleSource(engine, "dms-liteflow", "default", components)
    before = numbers(source)
    assert before["refreshes_total"] == before["degraded"] == before["chains"] == 0
    assert "refresh_success_ratio" not in before, "nobody has looked yet"
    assert source.refresh()
    assert source.poll()
    repository.save(replace(ORDER, text="THEN(nowhere);"))
    repository.save(replace(ORDER, name="new", text="THEN("))
    with capture_logs():
        assert source.poll()
    now = numbers(source)
    assert (now["refreshes_total"], now["refresh_changes_total"]) == (3, 2)
    assert (now["chains"], now["tenants"], now["degraded"]) == (2, 1, 0)
    assert now["quarantined_chains,earlier"] == 1
    assert now["quarantined_chains,nothing"] == 1
    assert now["refresh_success_ratio"] == 1
    assert now["refresh_seconds_total"] >= now["refresh_last_seconds"] > 0
    with source.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rule_revision RENAME TO away")
    with capture_logs():
        assert not source.poll()
    later = numbers(source)
    assert (later["refresh_failures_total"], later["degraded"]) == (1, 1)
    assert later["refresh_success_ratio"] == 0.75
    assert later["refresh_timestamp_seconds"] == now["refresh_timestamp_seconds"]
    assert later["chains"] == 2
    looks = {one: later[f"refresh_duration_seconds_count,{one}"] for one in Tally().spreads}
    assert looks == {"idle": 1, "changed": 2, "failed": 1}
    took = [later[f"refresh_duration_seconds_sum,{one}"] for one in looks]
    assert sum(took) == pytest.approx(later["refresh_seconds_total"])


def test_looks_are_told_apart_by_how_long_they_took(engine: Engine) -> None:
    tally = Tally()
    for seconds in (0.001, BOUNDS[0], 0.02, 3.0, 60.0):
        tally = tally.after(RefreshReport("changed", seconds))
    source = RuleSource(engine, "dms-liteflow", "default", {})
    registry = rule_registry(lambda: replace(source.status, tally=tally))
    steps = {
        sample.labels["le"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name.endswith("_bucket") and sample.labels["outcome"] == "changed"
    }
    at_most = [*map(str, BOUNDS), "+Inf"]
    assert [steps[bound] for bound in at_most] == [2, 3, 3, 3, 3, 3, 3, 4, 5]


def test_labels_are_escaped(tmp_path: Path) -> None:
    engine = create_engine_for(f"sqlite:///{tmp_path}/none.db", "tests")
    source = RuleSource(engine, 'a"b\\c\nd', "default", {})
    assert 'application="a\\"b\\\\c\\nd"' in text_of(source)


def test_a_port_of_its_own(engine: Engine) -> None:
    source = RuleSource(engine, "dms-liteflow", "default", {})
    registry = rule_registry(lambda: source.status)
    with metrics_port("127.0.0.1", 0, registry) as port:
        url = f"http://127.0.0.1:{port}/metrics"
        with get(url, timeout=30) as answer:
            assert answer.read() == generate_latest(registry)
            assert answer.headers["Content-Type"] == CONTENT_TYPE_PLAIN_0_0_4
        with get(Request(url, headers={"Accept": OPENMETRICS}), timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith(OPENMETRICS)
            assert answer.read().endswith(b"# EOF\n")
        with capture_logs() as logs, metrics_port("127.0.0.1", port, registry) as taken:
            assert taken is None
        assert [line["event"] for line in logs] == ["metrics_not_served"]
    with metrics_port("127.0.0.1", None, registry) as none:
        assert none is None
