"""The source that serves files: tenants, changes, broken files, and a database that is down."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from dev.processes import wait_until
from rules.errors import ChainDisabled, ChainInvalid, ChainUnknown, RulesUnavailable
from rules.plan import ComponentPolicy
from rules.source.choice import open_rules
from rules.source.edits import NO_EDITS, Edits, PolicyEdit
from rules.source.engine import create_engine_for
from rules.source.freeze import freeze_current
from rules.source.from_files import FileOrigin
from rules.source.options import RuleOptions
from rules.source.poller import Poller
from rules.source.polling import Polling
from rules.source.routes import current_routes
from rules.source.service import RETRY_SECONDS, RuleSource

LIMIT = 60.0
COMPONENTS: Mapping[str, ComponentPolicy] = {
    **{id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b", "c")},
    "x": ComponentPolicy(id="x", kind="boolean", read_only=True),
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class EditsThere:
    """Edited policies, while the database answers."""

    def __init__(self) -> None:
        self.down = False
        self.edits = NO_EDITS

    def __call__(self) -> Edits:
        if self.down:
            raise OperationalError("SELECT", {}, OSError("no database"))
        return self.edits


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def edits() -> EditsThere:
    return EditsThere()


@pytest.fixture
def source(tmp_path: Path, clock: Clock, edits: EditsThere) -> RuleSource:
    return opened(tmp_path, clock, edits)


def opened(folder: Path, clock: Clock, edits: EditsThere) -> RuleSource:
    """No table is ever read here: there is no database."""
    namespaces = ("default", "vip")
    return RuleSource(
        create_engine_for("sqlite:////nosuch/rules.db", "tests"),
        "dms-liteflow",
        namespaces[0],
        COMPONENTS,
        further=namespaces[1:],
        origin=FileOrigin(folder, namespaces, default_tenant="1", read_edits=edits),
        clock=clock,
    )


def write(folder: Path, name: str, **chains: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    inside = "\n".join(f"<chain id='{id}'>{text}</chain>" for id, text in chains.items())
    path.write_text(f"<flow>\n{inside}\n</flow>")
    return path


def served(source: RuleSource, tenant: str = "1") -> dict[str, str]:
    return {name: row.text for name, row in source.snapshot.chains(tenant).items()}


def test_files_are_the_default_tenants_and_folders_the_others(
    source: RuleSource, tmp_path: Path
) -> None:
    write(tmp_path, "order.el.xml", order="THEN(a);", outer="THEN(order, sub);")
    (tmp_path / "more.json").write_text(
        '{"flow": {"chain": [{"id": "sub", "value": "THEN(b);"}, '
        '{"id": "off", "value": "THEN(b);", "enable": false}, '
        '{"id": "draft", "value": "THEN(b);", "status": "DRAFT"}]}}'
    )
    (tmp_path / "vip.yml").write_text(
        "flow: {chain: [{id: pick, namespace: vip, route: x, value: THEN(order)}, "
        "{id: lost, namespace: nowhere, value: THEN(a)}]}"
    )
    write(tmp_path, "acme/flow.xml", order="THEN(c);")
    write(tmp_path, "1/own.xml", mine="THEN(a);")
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".git").mkdir()
    write(tmp_path, ".git/flow.xml", hidden="THEN(a);")
    assert source.refresh()
    assert set(served(source)) == {"order", "outer", "sub", "off", "draft", "mine"}
    assert served(source, "acme") == {"order": "THEN(c);"}
    assert source.snapshot.tenants == {"1", "acme"}
    assert set(source.snapshot.compiled("1", "outer").plan.components) == {"a", "b"}
    for chain in ("off", "draft"):
        with pytest.raises(ChainDisabled):
            source.snapshot.compiled("1", chain)
    with pytest.raises(ChainUnknown):
        source.snapshot.compiled("acme", "sub")
    assert current_routes(source, "1", "vip").chains == ("pick",)
    assert source.namespaces == ("default", "vip")
    status = source.status
    assert (status.application, status.namespace) == ("dms-liteflow", "default")
    assert (status.chains, status.tenants, status.degraded) == (7, 2, None)
    assert status.refreshed_at is not None


def test_what_changes_serves_from_the_next_reading(source: RuleSource, tmp_path: Path) -> None:
    path = write(tmp_path, "flow.xml", order="THEN(a);", same="THEN(b);")
    source.refresh()
    before = source.snapshot
    compiled = before.compiled("1", "same")
    version = before.compiled("1", "order").plan.version
    path.touch()
    source.refresh()
    assert source.snapshot.compiled("1", "order") is before.compiled("1", "order")

    # Of the same length, and with the same times.
    times = path.stat()
    write(tmp_path, "flow.xml", order="THEN(c);", same="THEN(b);")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    source.refresh()
    assert source.snapshot.compiled("1", "same") is compiled
    changed = source.snapshot.compiled("1", "order").plan
    assert set(changed.components) == {"c"}
    assert changed.version != version

    write(tmp_path, "flow.xml", order="THEN(a);")
    source.refresh()
    assert source.snapshot.compiled("1", "order").plan.version == version
    assert set(served(source)) == {"order"}
    path.unlink()
    source.refresh()
    assert source.snapshot.tenants == frozenset()


def test_the_version_is_the_texts(source: RuleSource, tmp_path: Path) -> None:
    write(tmp_path, "flow.xml", one="THEN(a);", two="THEN(a);", three="THEN(b);")
    write(tmp_path, "acme/flow.xml", one="THEN(a);")
    source.refresh()
    versions = {name: row.version for name, row in source.snapshot.chains("1").items()}
    assert versions["one"] == versions["two"] == source.snapshot.chains("acme")["one"].version
    assert versions["three"] != versions["one"]
    assert all(0 <= version < 2**31 for version in versions.values())


def test_a_broken_file_leaves_its_last_good_content_serving(
    source: RuleSource, tmp_path: Path
) -> None:
    path = write(tmp_path, "1.xml", order="THEN(a);")
    write(tmp_path, "2.xml", other="THEN(a);")
    source.refresh()
    path.write_text("<flow>\n<chain id='order'>THEN(b)</flow>")
    write(tmp_path, "2.xml", other="THEN(b);")
    with capture_logs() as logs:
        for _ in range(2):
            assert source.refresh()
            assert served(source) == {"order": "THEN(a);", "other": "THEN(b);"}
        degraded = source.status.degraded
        assert degraded is not None
        assert degraded.reason.startswith(f"{path}:2: error: this is no XML: mismatched tag")

        write(tmp_path, "1.xml", order="THEN(c);")
        source.refresh()
    assert served(source)["order"] == "THEN(c);"
    assert source.status.degraded is None
    told = [(line["log_level"], line["event"]) for line in logs]
    assert [one for one in told if one[1] != "rules_changed"] == [
        ("error", "rules_not_read"),
        ("info", "rules_read_again"),
    ]


def test_a_file_that_was_never_good_harms_no_other(source: RuleSource, tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{")
    write(tmp_path, "2.xml", order="THEN(a);")
    source.refresh()
    assert served(source) == {"order": "THEN(a);"}
    assert source.status.degraded is not None


def test_a_script_that_was_missing_mends_the_file(source: RuleSource, tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text(
        "<flow><nodes><node id='s' type='script' file='s.js'/></nodes>"
        "<chain id='order'>THEN(a)</chain></flow>"
    )
    source.refresh()
    assert source.status.degraded is not None
    (tmp_path / "s.js").write_text("return 1")
    source.refresh()
    assert source.status.degraded is None
    assert served(source) == {"order": "THEN(a)"}


def test_of_a_chain_that_is_there_twice_the_first_serves(
    source: RuleSource, tmp_path: Path
) -> None:
    write(tmp_path, "1.xml", order="THEN(a);")
    second = write(tmp_path, "2.xml", order="THEN(b);", other="THEN(b);")
    source.refresh()
    assert served(source) == {"order": "THEN(a);", "other": "THEN(b);"}
    degraded = source.status.degraded
    assert degraded is not None
    assert degraded.reason.startswith(f"{second}:2: error: the chain 'order' is already defined")


def test_a_chain_that_does_not_compile_harms_no_other(source: RuleSource, tmp_path: Path) -> None:
    write(tmp_path, "1.xml", order="THEN(nosuch);", other="THEN(b);")
    source.refresh()
    with pytest.raises(ChainInvalid, match="nosuch"):
        source.snapshot.compiled("1", "order")
    assert source.snapshot.compiled("1", "other")
    assert source.status.degraded is None


def test_a_chain_that_breaks_leaves_its_last_good_version_serving(
    source: RuleSource, tmp_path: Path
) -> None:
    def made_of(chain: str) -> set[str]:
        return set(source.snapshot.compiled("1", chain).plan.components)

    write(tmp_path, "1.xml", order="THEN(a);", outer="THEN(order);", other="THEN(b);")
    source.refresh()
    write(tmp_path, "1.xml", order="THEN(nosuch);", outer="THEN(order, b);", other="THEN(c);")
    with capture_logs() as logs:
        assert source.poll()
    assert [line["chain"] for line in logs if line["event"] == "chain_quarantined"] == ["order"]
    assert (made_of("order"), made_of("outer"), made_of("other")) == ({"a"}, {"a", "b"}, {"c"})
    (held,) = source.status.quarantined
    assert (held.tenant, held.chain, held.serving) == (
        "1",
        "order",
        source.snapshot.compiled("1", "order").plan.version,
    )
    assert source.status.degraded is None
    write(tmp_path, "1.xml", order="THEN(c);")
    source.poll()
    assert source.status.quarantined == ()
    assert made_of("order") == {"c"}


def test_a_poll_without_a_change_reads_nothing_again(source: RuleSource, tmp_path: Path) -> None:
    path = write(tmp_path, "1.xml", order="THEN(a);")
    source.refresh()
    before = source.snapshot
    assert not source.stale()
    assert source.poll()
    assert source.snapshot is before
    path.touch()
    assert not source.stale()
    write(tmp_path, "2.xml", other="THEN(a);")
    assert source.stale()
    source.poll()
    last = source.status.last
    assert last is not None
    assert (last.outcome, last.changed) == ("changed", 1)
    assert (source.status.tally.looks, source.status.tally.changes) == (5, 2)


def test_a_poller_keeps_files_current(
    source: RuleSource, tmp_path: Path, edits: EditsThere
) -> None:
    write(tmp_path, "1.xml", order="THEN(a);")
    poller = Poller(source, Polling(every=0.05, start=0))
    poller.start()
    try:
        wait_until(lambda: served(source) == {"order": "THEN(a);"}, LIMIT, "the first rules")
        write(tmp_path, "1.xml", order="THEN(b);")
        wait_until(lambda: served(source) == {"order": "THEN(b);"}, LIMIT, "the change")
        edits.down = True
        wait_until(lambda: source.status.degraded is not None, LIMIT, "the outage")
    finally:
        poller.stop()


def test_the_old_rules_serve_while_the_folder_is_away(
    tmp_path: Path, clock: Clock, edits: EditsThere
) -> None:
    folder = tmp_path / "rules"
    moved = opened(folder, clock, edits)
    with pytest.raises(RulesUnavailable, match="No such file"):
        _ = moved.snapshot
    assert moved.status.refreshed_at is None
    write(folder, "1.xml", order="THEN(a);")
    with pytest.raises(RulesUnavailable):
        _ = moved.snapshot
    clock.now += RETRY_SECONDS
    assert served(moved) == {"order": "THEN(a);"}
    folder.rename(tmp_path / "away")
    assert not moved.refresh()
    assert served(moved) == {"order": "THEN(a);"}
    assert moved.status.degraded is not None


def test_who_misses_a_chain_looks_again_every_few_seconds(
    source: RuleSource, tmp_path: Path, clock: Clock
) -> None:
    source.refresh()
    write(tmp_path, "1.xml", order="THEN(a);")
    assert not source.look_again()
    clock.now += RETRY_SECONDS
    assert freeze_current(source, "1", "order", None).plan.chain == "order"


def test_edited_policies_hold_also_while_the_database_is_down(
    source: RuleSource, tmp_path: Path, edits: EditsThere
) -> None:
    def timeout() -> float:
        source.refresh()
        return freeze_current(source, "1", "order", None).plan.components["a"].timeout

    write(tmp_path, "1.xml", order="THEN(a);")
    edits.down = True
    assert timeout() == 60
    degraded = source.status.degraded
    assert degraded is not None
    assert degraded.reason.endswith("the last ones hold: no database")
    edits.down = False
    edits.edits = Edits(by_tenant={"1": {"a": PolicyEdit(timeout=20)}}, unreadable={})
    assert timeout() == 20
    assert source.status.degraded is None
    edits.down = True
    edits.edits = NO_EDITS
    assert timeout() == 20


def test_the_setting_chooses(tmp_path: Path) -> None:
    write(tmp_path, "1.xml", order="THEN(a);")
    engine = create_engine_for(f"sqlite:///{tmp_path}/nosuch/rules.db", "tests")

    def chosen(words: str) -> RuleSource:
        options = RuleOptions(
            chosen=words, application="a", namespace="default", default_tenant="7"
        )
        return open_rules(options, engine, COMPONENTS)

    assert not chosen("database").refresh()
    rules = chosen(f"files:{tmp_path}")
    assert rules.refresh()
    assert rules.status.mode == "files"
    assert rules.snapshot.tenants == {"7"}
    degraded = rules.status.degraded
    assert degraded is not None
    assert "unable to open database file" in degraded.reason
    engine.dispose()
