"""Edits by SQL: every process sees them at its own poll, and what runs keeps its version."""

from functools import partial

from sqlalchemy import update
from temporalio.client import Client

from rules.source.tables import flow_chain
from tests.api.config.author import refused
from tests.api.fleet.fleet import LIVE_LIMIT, Fleet
from tests.api.gates import Gate
from tests.api.sites import Api
from tests.api.waiting import until

NOW = {"gate": None}
CHANGES = "chainsaga_rule_refresh_changes_total{"
FAILURES = "chainsaga_rule_refresh_failures_total{"


def edit(fleet: Fleet, tenant: str, **columns: object) -> None:
    """As somebody does who knows SQL alone."""
    mine = flow_chain.c.tenant_id == tenant
    raised = flow_chain.c.version + 1
    with fleet.engine.begin() as connection:
        connection.execute(update(flow_chain).where(mine).values(**columns, version=raised))


async def ran(fleet: Fleet, temporal: Client, tenant: str) -> set[tuple[int, str]]:
    """Versions and tags of sagas that are started at each API, and frozen by each worker."""
    views = await fleet.on_both_workers(temporal, tenant, "sell", NOW)
    for api in fleet.apis:
        answer = await api.execute("sell", NOW, tenant)
        assert answer.status_code == 200, answer.text
        views.append(await api.ended(answer.json()["execution_id"], tenant))
    return {(view["rule_version"], view["executionStack"][0]["tag"]) for view in views}


async def held(fleet: Fleet, tenant: str) -> bool:
    """Whether all four hold the chain back, or none does."""
    found = await fleet.agreed(tenant, told=True)
    (number,) = {len(one["quarantine"]) for one in found["instances"]}
    return bool(number)


async def disabled(api: Api, tenant: str) -> bool:
    answer = await api.execute("sell", NOW, tenant)
    return not answer.is_success and refused(answer) == (409, "CHAIN_DISABLED")


async def test_a_change_is_live_everywhere_and_what_runs_keeps_its_version(
    fleet: Fleet, temporal: Client, tenant: str, gate: Gate
) -> None:
    first, second = fleet.apis
    await fleet.author(tenant).create("sell", 'THEN(gate.tag("one"));')
    await fleet.agreed(tenant)
    failed, seen = await fleet.numbers(FAILURES), await fleet.numbers(CHANGES)
    running = f"running-{tenant}"
    answer = await first.execute("sell", gate.request(), tenant, execution_id=running, mode="async")
    assert answer.status_code == 202
    await gate.entering()
    edit(fleet, tenant, chain_code='THEN(gate.tag("two"));')
    # Nobody tells of it: all four poll.
    await fleet.agreed(tenant)
    assert await fleet.numbers(CHANGES) == [number + 1 for number in seen]
    gate.open()
    kept = await second.ended(running, tenant)
    assert (kept["rule_version"], kept["executionStack"][0]["tag"]) == (1, "one")
    assert await ran(fleet, temporal, tenant) == {(2, "two")}

    edit(fleet, tenant, chain_code='THEN(gate.tag("three"), nowhere);')
    await until(partial(held, fleet, tenant), LIVE_LIMIT, "the quarantine", 0.1)
    assert await ran(fleet, temporal, tenant) == {(2, "two")}, "the last good version serves"
    edit(fleet, tenant, chain_code='THEN(gate.tag("four"));')
    await fleet.author(tenant).done("POST", "refresh", wait_seconds=20)
    assert not await held(fleet, tenant)
    assert await ran(fleet, temporal, tenant) == {(4, "four")}
    edit(fleet, tenant, chain_enable=False)
    await fleet.author(tenant).done("POST", "refresh", wait_seconds=20)
    for api in fleet.apis:
        await until(partial(disabled, api, tenant), LIVE_LIMIT, "the chain to be off", 0.1)
    assert await fleet.numbers(FAILURES) == failed
