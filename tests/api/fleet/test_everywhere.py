"""Edits at one API are seen at the other one and by both workers: versions, tenants, refresh.

Who is asked for something answers how it comes to the others.
"""

import asyncio
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from rules.source.tables import flow_chain
from tests.api.config.author import BETTER, CONFIG, GOOD, Author, refused
from tests.api.fleet.fleet import LIVE_LIMIT, Fleet, shown
from tests.api.sites import BOOK, only
from tests.api.waiting import until

OLD, NEW = "createOrder==>pay", "createOrder==>pay==>notify"


def by_sql(fleet: Fleet, tenant: str, text: str) -> None:
    """As somebody does who knows SQL alone."""
    mine = (flow_chain.c.tenant_id == tenant) & (flow_chain.c.chain_name == "sell")
    with fleet.engine.begin() as connection:
        connection.execute(update(flow_chain).where(mine).values(chain_code=text))


async def serves(author: Author, steps: str) -> bool:
    return await author.steps("sell") == steps


async def test_an_edit_with_a_version_that_another_api_has_outrun_is_refused(
    fleet: Fleet, tenant: str
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell")
    read = await bob.get("chains/sell")
    await ann.edit("sell", el=BETTER, publish=True, reason="tell them")
    answer = await bob.send("PUT", "chains/sell", {"version": read["version"], "el": GOOD})
    assert refused(answer) == (409, "CONFIG_STALE")
    told = answer.json()["details"]
    assert only(told, "version", "changed_by", "change") == {
        "version": 2,
        "changed_by": "ann",
        "change": "UPDATE",
    }
    # As it was is still to be had, under its number, from either; what serves is the newest.
    for author in (ann, bob):
        assert (await author.get("chains/sell/versions/1"))["el"] == GOOD
    back = await bob.done("POST", "chains/sell/rollback", {"version": 1, "reason": "notes fail"})
    assert only(back, "version", "changed_by", "reason") == {
        "version": 3,
        "changed_by": "bob",
        "reason": "notes fail",
    }
    history = [(3, "ROLLBACK"), (2, "UPDATE"), (1, "CREATE")]
    assert [await one.changes("sell") for one in (ann, bob)] == [history, history]
    await fleet.agreed(tenant)
    for api in fleet.apis:
        answer = await api.execute("sell", BOOK, tenant)
        view = await api.ended(answer.json()["execution_id"], tenant)
        assert shown(view) == (3, ["createOrder", "pay"])


async def test_a_repeat_at_the_other_api_is_the_same_change(fleet: Fleet, tenant: str) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell")
    key = {"Idempotency-Key": f"key-{tenant}"}
    body = {"version": 1, "el": BETTER, "publish": True, "operator": "ann"}
    first = await ann.send("PUT", "chains/sell", body, key)
    # Others go on meanwhile.
    await bob.edit("sell", el=GOOD, publish=True)
    again = await bob.send("PUT", "chains/sell", body, key)
    assert [one.status_code for one in (first, again)] == [200, 200]
    assert [one.json()["changed"] for one in (first, again)] == [True, False]
    other = await bob.send("PUT", "chains/sell", {**body, "el": "THEN(pay);"}, key)
    assert refused(other) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert [version for version, _ in await ann.changes("sell")] == [3, 2, 1]


async def test_one_name_in_two_tenants_is_two_chains_at_both(fleet: Fleet, tenant: str) -> None:
    ann, eve = fleet.author(tenant), fleet.author(f"{tenant}-b", 1, "eve")
    await ann.create("sell", GOOD)
    await eve.create("sell", BETTER)
    await fleet.agreed(tenant)
    wanted = {ann.tenant: (1, ["createOrder", "pay"]), eve.tenant: (1, BETTER[5:-2].split(", "))}
    for api in fleet.apis:
        for mine, steps in wanted.items():
            answer = await api.execute("sell", BOOK, mine)
            id = answer.json()["execution_id"]
            assert shown(await api.ended(id, mine)) == steps
            other = next(one for one in wanted if one != mine)
            assert (await api.get(f"/api/saga/executions/{id}", other)).status_code == 404
    await eve.done("DELETE", "chains/sell", version=1)
    await fleet.agreed(tenant)
    answers = [[await api.execute("sell", BOOK, one) for one in wanted] for api in fleet.apis]
    assert [[answer.status_code for answer in pair] for pair in answers] == [[200, 404]] * 2


async def test_without_a_tenant_it_is_the_first_one_and_a_warning(fleet: Fleet) -> None:
    for part in fleet.parts[:2]:
        before = len(part.lines("no X-Tenant-Id, taking the default"))
        answer = await part.http.get(f"{CONFIG}/chains", params={"text": "buy"})
        assert {item["tenant"] for item in answer.json()["items"]} == {"1"}
        started = await part.http.post("/api/saga/execute", json={"chain": "buy", "request": BOOK})
        assert started.json()["status"] == "COMPLETED"
        lines = part.lines("no X-Tenant-Id, taking the default")[before:]
        assert [(line["level"], line["tenant"]) for line in lines] == [("warning", "1")] * 2


async def test_a_refresh_is_everywhere_at_once_and_so_is_the_status(
    fleet: Fleet, tenant: str
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell")
    before = await fleet.agreed(tenant)
    by_sql(fleet, tenant, BETTER)
    answer = await ann.done("POST", "refresh", wait_seconds=20)
    assert only(answer, "via", "within_seconds", "problem") == {
        "via": "redis",
        "within_seconds": 0,
        "problem": None,
    }
    roles = sorted(one["role"] for one in answer["instances"] if one["done"])
    assert roles == ["api", "api", "worker", "worker"]
    assert [await one.steps("sell") for one in (ann, bob)] == [NEW, NEW]
    after = await fleet.agreed(tenant, 1)
    assert after["revision"] > before["revision"]
    assert {one["sha"] for one in after["instances"]} != {one["sha"] for one in before["instances"]}
    cleared = await bob.done("DELETE", "cache", wait_seconds=20)
    assert [one["done"] for one in cleared["instances"]] == [True] * 4
    for status in await fleet.statuses(tenant):
        assert [one["role"] for one in status["instances"]] == ["api", "api", "worker", "worker"]
        assert [one["this"] for one in status["instances"]].count(True) == 1
        for one in status["instances"]:
            assert only(one, "seen_by", "degraded", "poll_seconds", "quarantine") == {
                "seen_by": "triggers",
                "degraded": False,
                "poll_seconds": 10,
                "quarantine": [],
            }
            assert one["looks"] >= one["changes"] > 0
            assert 0 <= one["lag_seconds"] < LIVE_LIMIT


async def test_without_redis_each_sees_it_at_its_own_poll_and_the_answer_says_so(
    fleet: Fleet, tenant: str
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell")
    await fleet.agreed(tenant)
    with fleet.redis_away():
        changed = await ann.edit("sell", el=BETTER, publish=True)
        assert changed["live"] == {"via": "poll", "within_seconds": 10, "instances": None}
        assert await ann.steps("sell") == NEW
        answers = await asyncio.gather(*(one.done("POST", "refresh") for one in (ann, bob)))
        for answer in answers:
            assert (answer["via"], answer["within_seconds"]) == ("poll", 10)
            assert [one["done"] for one in answer["instances"]] == [True]
            assert answer["problem"]
        by_sql(fleet, tenant, GOOD)
        # Both polls, which nobody told; the lock, which has no Redis either, keeps nobody out.
        for author in (ann, bob):
            await until(partial(serves, author, OLD), LIVE_LIMIT, "a poll", 0.1)
        for status in await fleet.statuses(tenant):
            found: dict[str, Any] = only(status, "via", "same")
            assert found == {"via": "poll", "same": True}
            assert [one["this"] for one in status["instances"]] == [True]
            assert status["problem"]
    await fleet.agreed(tenant)


@pytest.mark.parametrize("api", [0, 1])
async def test_a_draft_of_one_is_published_by_the_other(
    fleet: Fleet, tenant: str, api: int
) -> None:
    ann, bob = fleet.author(tenant, api), fleet.author(tenant, 1 - api, "bob")
    await ann.done("POST", "chains", {"name": "sell", "el": GOOD})
    await fleet.agreed(tenant)
    answer = await fleet.apis[1 - api].execute("sell", BOOK, tenant)
    assert refused(answer) == (409, "CHAIN_DISABLED")
    live = await bob.done("POST", "chains/sell/publish", {"version": 1})
    assert live["live"] == {"via": "redis", "within_seconds": 0, "instances": 4}
    await until(partial(serves, ann, OLD), LIVE_LIMIT, "the other API to serve it")
