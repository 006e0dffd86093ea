"""What serves while a chain does not compile, and how it heals."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, update
from structlog.testing import capture_logs

from rules.errors import ChainInvalid
from rules.plan import ComponentPolicy
from rules.source.freeze import freeze_current
from rules.source.quarantine import suspects_of
from rules.source.repository import ChainRepository, ChainRow
from rules.source.service import RuleSource
from rules.source.snapshot import Snapshot
from rules.source.tables import config_version, flow_chain
from rules.source.versions import Note, record_chain
from tests.rules.source.told import Told

Components = Mapping[str, ComponentPolicy]
Steps = Mapping[str, Any]


def row(name: str, text: str, **more: Any) -> ChainRow:
    return ChainRow(tenant="1", name=name, text=text, **more)


ORDER, PAY, APART = row("order", "THEN(a, pay);"), row("pay", "THEN(b);"), row("apart", "THEN(d);")
BASE = row("base", "THEN(a, {{what}});")
CHILD = row("child", "{{what}} = b;", extends="base")
ROWS = (ORDER, PAY, APART, BASE, CHILD)

# What one refresh brings (None: gone); then what each chain runs, and which are held back with the
# version that serves.
STORIES: list[
    tuple[str, list[dict[str, ChainRow | None]], dict[str, str], dict[str, int | None]]
] = [
    (
        "a bad text",
        [{"pay": row("pay", "THEN(b, nowhere);", version=2)}],
        {"pay": "b", "order": "ab"},
        {"pay": 1},
    ),
    (
        "a good change of what includes a bad one is live",
        [
            {"pay": row("pay", "THEN(", version=2)},
            {"order": row("order", "THEN(c, pay);", version=2)},
        ],
        {"pay": "b", "order": "bc"},
        {"pay": 1},
    ),
    (
        "both at once, one of them bad",
        [
            {
                "pay": row("pay", "THEN(", version=2),
                "order": row("order", "THEN(c, pay);", version=2),
            }
        ],
        {"pay": "b", "order": "bc"},
        {"pay": 1},
    ),
    (
        "mended",
        [{"pay": row("pay", "THEN(", version=2)}, {"pay": row("pay", "THEN(c);", version=3)}],
        {"pay": "c", "order": "ac"},
        {},
    ),
    (
        "worse",
        [{"pay": row("pay", "THEN(", version=2)}, {"pay": row("pay", "WHEN(", version=3)}],
        {"pay": "b", "order": "ab"},
        {"pay": 1},
    ),
    ("what it includes is gone", [{"pay": None}], {"order": "ab"}, {"order": 1}),
    (
        "what it includes is switched off",
        [{"pay": row("pay", "THEN(b);", enabled=False)}],
        {"order": "ab"},
        {"order": 1},
    ),
    (
        "gone, and something else changes",
        [{"pay": None}, {"apart": row("apart", "THEN(c);", version=2)}],
        {"order": "ab", "apart": "c"},
        {"order": 1},
    ),
    (
        "what it lacked appears",
        [{"pay": None}, {"pay": row("pay", "THEN(d);", version=2)}],
        {"order": "ad", "pay": "d"},
        {},
    ),
    (
        "a reference to what comes later",
        [
            {"order": row("order", "THEN(c, later);", version=2)},
            {"later": row("later", "THEN(d);")},
        ],
        {"order": "cd"},
        {},
    ),
    (
        "two that include each other",
        [
            {
                "order": row("order", "THEN(pay);", version=2),
                "pay": row("pay", "THEN(order);", version=2),
            }
        ],
        {"order": "ab", "pay": "b"},
        {"order": 1, "pay": 1},
    ),
    (
        "a new one that is bad",
        [{"new": row("new", "THEN(nowhere);")}],
        {"order": "ab"},
        {"new": None},
    ),
    (
        "a base that wants more",
        [{"base": row("base", "THEN({{what}}, {{more}});", version=2)}],
        {"child": "ab"},
        {"child": 1},
    ),
    (
        "a base that is gone",
        [{"base": None}],
        {"child": "ab"},
        {"child": 1},
    ),
    (
        "a child that defines too little",
        [{"child": row("child", "", extends="base", version=2)}],
        {"child": "ab"},
        {"child": 1},
    ),
    (
        "a chain that becomes a template",
        [{"apart": row("apart", "THEN({{x}}, d);", version=2)}],
        {"order": "ab"},
        {},
    ),
    (
        "a route that is bad",
        [{"apart": row("apart", "THEN(c);", version=2, route="a")}],
        {"apart": "d"},
        {"apart": 1},
    ),
    (
        "a new one with a bad route can be started by its name",
        [
            {"new": row("new", "THEN(a, pay);", route="a")},
            {"pay": row("pay", "THEN(c);", version=2)},
        ],
        {"new": "ac"},
        {"new": 1},
    ),
    (
        "a bad one that is taken back",
        [{"pay": row("pay", "THEN(", status="DRAFT")}],
        {"order": "ab"},
        {"order": 1},
    ),
    (
        "a bad one that is deleted",
        [{"apart": row("apart", "THEN(")}, {"apart": None}],
        {"order": "ab"},
        {},
    ),
]


@pytest.mark.parametrize(
    ("why", "refreshes", "runs", "held"), STORIES, ids=[story[0] for story in STORIES]
)
def test_the_last_good_version_serves(
    components: Components,
    why: str,
    refreshes: Iterable[Mapping[str, ChainRow | None]],
    runs: Mapping[str, str],
    held: Mapping[str, int | None],
) -> None:
    snapshot = Snapshot(ROWS, components)
    for changes in refreshes:
        snapshot = snapshot.changed({"1": changes})
    found = {name: steps(snapshot, name) for name in runs}
    assert found == dict(runs)
    assert {n: one.serving_version for n, one in snapshot.held("1").items()} == dict(held)
    for name, one in snapshot.held("1").items():
        assert one.diagnostics
        assert one.version == snapshot.chains("1")[name].version


def steps(snapshot: Snapshot, chain: str) -> str:
    return "".join(sorted(snapshot.compiled("1", chain).plan.components))


NEAR = (
    row("payNotify", "THEN(a);"),
    row("notify", "THEN(a, payNotify);"),
    row("day", "THEN(order, b);"),
    row("by-pay", "THEN(b);"),
    row("far", 'THEN(a, node("by-pay"));'),
)
SUSPECTS: list[tuple[set[str], set[str]]] = [
    ({"pay"}, {"pay", "order", "day", "far"}),
    ({"payNotify"}, {"payNotify", "notify"}),
    ({"by-pay"}, {"by-pay", "far"}),
    ({"base"}, {"base", "child"}),
    ({"a", "gone"}, {"a", "gone", "order", "day", "base", "child", "payNotify", "notify", "far"}),
]


@pytest.mark.parametrize(("changed", "suspected"), SUSPECTS)
def test_whom_a_change_may_concern(
    components: Components, changed: set[str], suspected: set[str]
) -> None:
    chains = Snapshot([*ROWS, *NEAR], components).tenant("1")
    assert chains is not None
    assert suspects_of(chains, changed) == suspected


def test_a_held_back_chain_keeps_its_options_and_its_version(components: Components) -> None:
    before = Snapshot([row("order", "THEN(a);", version=4, undo_policy="continue")], components)
    bad = row("order", "THEN(", version=5, transactional=False)
    after = before.changed({"1": {"order": bad}})
    assert after.compiled("1", "order").plan.version == 4
    assert after.transactional("1", "order")
    assert after.undo_policy("1", "order") == "continue"
    assert after.chains("1")["order"] is bad


def test_what_served_goes_before_what_somebody_kept(components: Components) -> None:
    older = Told({"order": [row("order", "THEN(c);", version=0)]})
    after = Snapshot(ROWS, components).changed({"1": {"pay": None}}, lambda _tenant: older)
    assert steps(after, "order") == "ab"


def test_since_when_is_kept(components: Components) -> None:
    first = Snapshot(ROWS, components).changed({"1": {"pay": row("pay", "THEN(", version=2)}})
    later = first.changed({"1": {"apart": row("apart", "THEN(a);", version=2)}})
    assert later.held("1")["pay"].since == first.held("1")["pay"].since


def test_what_lies_beneath_breaks_and_heals(components: Components) -> None:
    low = Snapshot([PAY], components)
    high = Snapshot([row("gift", "THEN(a, pay);")], components, beneath=[PAY])
    gone = low.changed({"1": {"pay": None}})
    without = high.changed({}, beneath=(low, gone))
    assert steps(without, "gift") == "ab"
    assert set(without.held("1")) == {"gift"}
    back = gone.changed({"1": {"pay": row("pay", "THEN(c);")}})
    healed = without.changed({}, beneath=(gone, back))
    assert steps(healed, "gift") == "ac"
    assert not healed.held("1")


def source_of(engine: Engine, components: Components) -> RuleSource:
    return RuleSource(engine, "dms-liteflow", "default", components)


def spoil(engine: Engine, text: str = "THEN(") -> None:
    with engine.begin() as connection:
        mine = flow_chain.c.chain_name == "pay"
        connection.execute(update(flow_chain).where(mine).values(chain_code=text, version=7))


def test_status_and_log_tell_of_it(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    for one in (ORDER, PAY):
        repository.save(one)
    source = source_of(engine, components)
    source.refresh()
    spoil(engine)
    with capture_logs() as logs:
        source.poll()
        (held,) = source.status.quarantined
        assert (held.namespace, held.tenant, held.chain) == ("default", "1", "pay")
        assert (held.version, held.serving) == (7, 1)
        assert held.diagnostics[0].line == 1
        assert freeze_current(source, "1", "order", None).plan.version == 1
        spoil(engine, "THEN(c);")
        source.poll()
    assert source.status.quarantined == ()
    told = [(line["log_level"], line["event"]) for line in logs if "chain" in line]
    assert told == [("error", "chain_quarantined"), ("info", "chain_healed")]


@pytest.mark.parametrize("tried", ["by a start", "by the poller"])
def test_after_a_restart_a_kept_version_serves(
    engine: Engine, repository: ChainRepository, components: Components, tried: str
) -> None:
    for one in (ORDER, PAY):
        repository.save(one)
    versions = [PAY, row("pay", "THEN(d);", version=2), row("pay", "THEN(nowhere);", version=3)]
    with engine.begin() as connection:
        for one in versions:
            record_chain(connection, "dms-liteflow", "default", one, Note("UPDATE", "ann", "why"))
        connection.execute(
            config_version.insert().values(
                application_name="dms-liteflow",
                namespace="default",
                tenant_id="1",
                chain_name="pay",
                version=4,
                content={"status": "PUBLISHED"},
                content_sha="",
                change_type="UPDATE",
            )
        )
    spoil(engine)
    source = source_of(engine, components)
    with capture_logs():
        source.refresh()
        if tried == "by the poller":
            while source.try_some(1):
                pass
        frost = freeze_current(source, "1", "order", None)
    assert frost.plan.chain == "order"
    (held,) = source.status.quarantined
    assert (held.chain, held.version, held.serving) == ("pay", 7, 2)
    assert source.status.untried == 0


def test_what_serves_for_a_broken_chain_outlives_the_trial_of_all(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    """Before all was tried, somebody switches off what another chain includes."""
    for one in (ORDER, PAY):
        repository.save(one)
    source = source_of(engine, components)
    source.refresh()
    with engine.begin() as connection:
        connection.execute(
            update(flow_chain).where(flow_chain.c.chain_name == "pay").values(chain_enable=False)
        )
    with capture_logs():
        assert source.poll()
        assert source.untried
        assert freeze_current(source, "1", "order", None).plan.version == 1
        assert not source.try_some(10)
    assert freeze_current(source, "1", "order", None).plan.version == 1
    assert [one.serving for one in source.status.quarantined] == [1]


def test_versions_that_could_not_be_read_are_asked_for_again(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    repository.save(PAY)
    with engine.begin() as connection:
        record_chain(connection, "dms-liteflow", "default", PAY, Note("CREATE"))
    spoil(engine)
    source = source_of(engine, components)
    assert source.refresh()
    rename(engine, "config_version", "away")
    try:
        with capture_logs() as logs:
            assert not source.try_some(1)
            with pytest.raises(ChainInvalid):
                freeze_current(source, "1", "pay", None)
        assert {line["event"] for line in logs} == {"versions_not_read"}
        assert source.untried
    finally:
        rename(engine, "away", "config_version")
    with capture_logs():
        assert not source.try_some(1)
    assert not source.untried
    assert freeze_current(source, "1", "pay", None).plan.version == 1


def rename(engine: Engine, table: str, new: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {new}")


def test_without_a_kept_version_nothing_serves_and_others_do(
    engine: Engine, repository: ChainRepository, components: Components
) -> None:
    for one in (ORDER, PAY, APART):
        repository.save(one)
    spoil(engine)
    source = source_of(engine, components)
    source.refresh()
    with capture_logs():
        for chain in ("pay", "order"):
            with pytest.raises(ChainInvalid):
                freeze_current(source, "1", chain, None)
    assert freeze_current(source, "1", "apart", None).plan.chain == "apart"
    assert {one.chain: one.serving for one in source.status.quarantined} == {
        "pay": None,
        "order": None,
    }
