"""What a change would do to the sagas that there were: asked of one API, begun by the other."""

from typing import Any

import pytest_asyncio
from temporalio.client import Client

from tests.api.fleet.fleet import Fleet
from tests.api.sites import BOOK, DECLINED, only

EL = "THEN(createOrder, IF(isVip, notify), CATCH(pay));"
VIP: dict[str, Any] = {**BOOK, "vip": True}
SAGAS = {"plain": BOOK, "vip": VIP, "declined": DECLINED}

# What is written in place of what, and what becomes of each saga.
CHANGES: list[tuple[str, str, dict[str, str]]] = [
    (", ", ",\n  ", {"plain": "same", "vip": "same", "declined": "same"}),
    ("notify", 'notify.tag("x")', {"plain": "same", "vip": "changed", "declined": "same"}),
    ("CATCH(pay)", "pay", {"plain": "same", "vip": "same", "declined": "new_failure"}),
]


@pytest_asyncio.fixture
async def ran(fleet: Fleet, temporal: Client, tenant: str) -> str:
    """A tenant with three sagas: one by each API, and one by hand."""
    await fleet.author(tenant).create("sell", EL)
    await fleet.agreed(tenant)
    for api, id in zip(fleet.apis, ("plain", "vip"), strict=True):
        await api.execute("sell", SAGAS[id], tenant, execution_id=id)
    queue = fleet.place.settings.task_queue
    await temporal.execute_workflow("sell", DECLINED, id=f"{tenant}:declined", task_queue=queue)
    for id in SAGAS:
        await fleet.apis[0].ended(id, tenant)
    return tenant


async def test_recent_sagas_are_run_again_with_what_was_recorded(fleet: Fleet, ran: str) -> None:
    bob = fleet.author(ran, 1, "bob")
    listed = await fleet.apis[1].json("/api/saga/executions", ran)
    for old, new, outcomes in CHANGES:
        found = await bob.done("POST", "chains/sell/preview", {"el": EL.replace(old, new)})
        assert found["sound"] is True
        told = {saga["execution_id"]: saga["outcome"] for saga in found["replay"]["sagas"]}
        assert told == outcomes, new
        assert only(found["replay"], "same", "changed", "new_failures", "unknown", "left_out") == {
            "same": list(outcomes.values()).count("same"),
            "changed": list(outcomes.values()).count("changed"),
            "new_failures": list(outcomes.values()).count("new_failure"),
            "unknown": 0,
            "left_out": 0,
        }
    after = await fleet.apis[1].json("/api/saga/executions", ran)
    assert after["items"] == listed["items"], "nothing ran"
    assert await bob.changes("sell") == [(1, "CREATE")], "nothing is written"
