"""Who starts now and who ran on, on the tables: versions are where writers have put them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, delete
from structlog.testing import capture_logs

from rules.plan import ComponentPolicy
from rules.source.chains import StandIn
from rules.source.freeze import freeze_current
from rules.source.repository import ChainRepository, ChainRow
from rules.source.script_repository import ScriptRepository
from rules.source.scripts import ScriptRow
from rules.source.service import RuleSource
from rules.source.status import Quarantined
from rules.source.storing import lock_rules, store
from rules.source.tables import flow_chain, rule_component
from rules.source.versions import Change, Note, Place, record
from tests.rules.source.running import Engines

APPLICATION = "dms-liteflow"
ORDER = ChainRow(tenant="1", name="order", text="THEN(a);")
NAMED = replace(ORDER, text="THEN(a, pay, price);")
PAY = ChainRow(tenant="1", name="pay", text="THEN(b);")
PRICE = ScriptRow(tenant="1", id="price", text="1", language="python")


class Writer:
    """Writes as the API does: under the lock, with a version."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def write(self, row: ChainRow | ScriptRow, *, namespace: str = "default") -> None:
        """Create or update."""
        note = Note("UPDATE", "ann")
        with self.engine.begin() as connection:
            lock_rules(connection)
            if isinstance(row, ChainRow):
                chains = ChainRepository(self.engine, APPLICATION, namespace)
                was = chains.find(connection, row.tenant, row.name)
                store(connection, chains, was, row, note)
            else:
                scripts = ScriptRepository(self.engine, APPLICATION)
                store(connection, scripts, scripts.find(connection, row.tenant, row.id), row, note)

    def drop(self, row: ChainRow | ScriptRow, change: Change = "DELETE") -> None:
        """Delete, with a version that says so."""
        with self.engine.begin() as connection:
            lock_rules(connection)
            if isinstance(row, ChainRow):
                place = Place(APPLICATION, "CHAIN", "default", row.tenant, row.name)
                connection.execute(delete(flow_chain).where(flow_chain.c.chain_name == row.name))
            else:
                place = Place(APPLICATION, "COMPONENT", "", row.tenant, row.id)
                mine = rule_component.c.component_id == row.id
                connection.execute(delete(rule_component).where(mine))
            record(connection, place, 9, {**row.content, "status": "DELETED"}, Note(change))


@pytest.fixture
def writer(engine: Engine) -> Writer:
    """Everything good; the chain was another one first."""
    writer = Writer(engine)
    for row in (ORDER, PRICE, PAY, NAMED):
        writer.write(row)
    return writer


@pytest.fixture
def new(engine: Engine, components: Mapping[str, ComponentPolicy]) -> Callable[[], RuleSource]:
    """Processes that have read the rules and tried them all."""

    def start() -> RuleSource:
        source = RuleSource(
            engine, APPLICATION, "default", components, engines=Engines(), further=("vip",)
        )
        assert source.refresh()
        while source.try_some(10):
            pass
        return source

    return start


def broken(source: RuleSource) -> dict[str, tuple[int | None, tuple[StandIn, ...]]]:
    return {one.chain: (one.serving, one.stand_ins) for one in source.status.quarantined}


BREAKS: dict[str, tuple[Callable[[Writer], None], str]] = {
    "a bad script": (lambda w: w.write(replace(PRICE, text="((")), "price"),
    "a script of another kind": (lambda w: w.write(replace(PRICE, type="for_script")), "price"),
    "a script that is off": (lambda w: w.write(replace(PRICE, enabled=False)), "price"),
    "a script that is gone": (lambda w: w.drop(PRICE), "price"),
    "a chain that is off": (lambda w: w.write(replace(PAY, enabled=False)), "pay"),
    "a chain that is gone": (lambda w: w.drop(PAY), "pay"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_new_process_serves_what_an_old_one_does(
    writer: Writer, new: Callable[[], RuleSource], name: str
) -> None:
    old = new()
    good = old.status.serving_sha
    spoil, other = BREAKS[name]
    spoil(writer)
    kind = "chain" if other == "pay" else "component"
    with capture_logs():
        assert old.poll()
        fresh = new()
        plans = [freeze_current(one, "1", "order", None).plan for one in (old, fresh)]
    assert plans[0] == plans[1]
    assert (plans[0].version, sorted(plans[0].components)) == (2, ["a", "b", "price"])
    assert broken(old) == broken(fresh) == {"order": (2, (StandIn(kind, other, 1),))}  # type: ignore[arg-type] # mypy widens it
    shas = [one.status.serving_sha for one in (old, fresh)]
    assert shas[0] == shas[1] not in (None, good)
    assert old.status.sha == fresh.status.sha


def test_sha_tells_apart_who_serves_another_version(
    writer: Writer, new: Callable[[], RuleSource], engine: Engine
) -> None:
    """Somebody takes away the versions that a running process still has in memory."""
    old = new()
    writer.write(replace(PRICE, text="(("))
    with capture_logs():
        assert old.poll()
        with engine.begin() as connection:
            forget(connection)
        fresh = new()
    assert fresh.status.sha == old.status.sha
    assert fresh.status.serving_sha != old.status.serving_sha
    assert [quarantined.serving for quarantined in told(fresh)] == [None]


def forget(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM config_version")


def told(source: RuleSource) -> tuple[Quarantined, ...]:
    return source.status.quarantined


def test_until_all_was_tried_nobody_knows_what_serves(
    writer: Writer, engine: Engine, components: Mapping[str, ComponentPolicy]
) -> None:
    writer.write(replace(PRICE, text="(("))
    source = RuleSource(engine, APPLICATION, "default", components, engines=Engines())
    assert source.refresh()
    assert source.status.sha
    assert source.status.serving_sha is None
    with capture_logs():
        assert not source.try_some(10)
    assert source.status.serving_sha


def test_what_lies_beneath_another_namespace_is_looked_up_too(
    writer: Writer, new: Callable[[], RuleSource]
) -> None:
    gift = replace(ORDER, name="gift", text="THEN(d);")
    writer.write(gift, namespace="vip")
    writer.write(replace(gift, text="THEN(d, pay);"), namespace="vip")
    old = new()
    writer.drop(PAY)
    with capture_logs():
        assert old.poll()
        fresh = new()
    for source in (old, fresh):
        plan = source.snapshot_of("vip").compiled("1", "gift").plan
        assert (plan.version, sorted(plan.components)) == (2, ["b", "d"])
    assert old.status.serving_sha == fresh.status.serving_sha is not None


def test_a_shared_script_is_looked_up_where_the_tenant_has_none(
    writer: Writer, new: Callable[[], RuleSource]
) -> None:
    shared = replace(PRICE, id="tax", tenant="0")
    writer.write(shared)
    writer.write(replace(ORDER, name="taxed", text="THEN(a, tax);"))
    old = new()
    writer.write(replace(shared, text="(("))
    with capture_logs():
        assert old.poll()
        fresh = new()
    for source in (old, fresh):
        assert broken(source) == {"taxed": (1, (StandIn("component", "tax", 1),))}
    assert old.status.serving_sha == fresh.status.serving_sha is not None
