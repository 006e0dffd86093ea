"""The metrics of the rules: what each says after refreshes, failures and a bad edit."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from activities.metrics_port import metrics_port
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.metrics import CONTENT_TYPE, exposition
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource

Components = Mapping[str, ComponentPolicy]
ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")
LINE = re.compile(r"chainsaga_rule_(\w+)\{(.*)\} (\S+)")
OURS = 'application="dms-liteflow",namespace="default"'

get = build_opener(ProxyHandler({})).open


def numbers(source: RuleSource) -> dict[str, float]:
    """The metrics by name and label; every one is explained, once."""
    found: dict[str, float] = {}
    told: set[str] = set()
    for line in exposition(source.status).splitlines():
        if line.startswith("#"):
            told.add(line)
            continue
        match = LINE.fullmatch(line)
        assert match, line
        name, labels, value = match.groups()
        assert labels.startswith(OURS)
        found[name + labels.removeprefix(OURS)] = float(value)
    names = {name.partition(",")[0] for name in found}
    assert len(told) == 2 * len(names)
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
    assert now['quarantined_chains,serves="earlier"'] == 1
    assert now['quarantined_chains,serves="nothing"'] == 1
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


def test_labels_are_escaped(tmp_path: Path) -> None:
    engine = create_engine_for(f"sqlite:///{tmp_path}/none.db", "tests")
    source = RuleSource(engine, 'a"b\\c\nd', "default", {})
    assert 'application="a\\"b\\\\c\\nd"' in exposition(source.status)


def test_a_port_of_its_own() -> None:
    with metrics_port("127.0.0.1", 0, lambda: "some 1\n", CONTENT_TYPE) as port:
        url = f"http://127.0.0.1:{port}"
        with get(f"{url}/metrics", timeout=30) as answer:
            assert answer.read() == b"some 1\n"
            assert answer.headers["Content-Type"] == CONTENT_TYPE
        with pytest.raises(HTTPError, match="404"):
            get(f"{url}/other", timeout=30)
        with (
            capture_logs() as logs,
            metrics_port("127.0.0.1", port, lambda: "", CONTENT_TYPE) as taken,
        ):
            assert taken is None
        assert [line["event"] for line in logs] == ["metrics_not_served"]
    with metrics_port("127.0.0.1", None, lambda: "", CONTENT_TYPE) as none:
        assert none is None
