"""The database is away, at the start or later, and comes back: on two APIs and two workers.

What was read serves, everybody says so, and everybody recovers by itself.
"""

import asyncio
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from temporalio.client import Client

from tests.api.config.author import BETTER, refused
from tests.api.fleet.first_words import FirstWords
from tests.api.fleet.fleet import LIVE_LIMIT, Fleet, How, shown
from tests.api.gates import Gate
from tests.api.sites import BOOK, Api, only
from tests.api.waiting import until

DEGRADED = "chainsaga_rule_degraded{"
FAILURES = "chainsaga_rule_refresh_failures_total{"
OLD = (1, ["createOrder", "gate", "pay"])
EL = "THEN(createOrder, gate, pay);"


async def test_at_the_start_nothing_serves_and_it_comes_by_itself(
    begun: tuple[Fleet, FirstWords],
) -> None:
    fleet, said = begun
    for answer in said.starts:
        assert refused(answer) == (503, "RULES_UNAVAILABLE")
        assert answer.json()["message"].startswith("the rules could not be read yet")
    for answer in said.ready:
        assert (answer.status_code, answer.json()["status"]) == (503, "down")
    for status in said.statuses:
        (mine,) = [one for one in status["instances"] if one["this"]]
        assert only(mine, "degraded", "chains", "sha", "refreshed_at", "seen_by") == {
            "degraded": True,
            "chains": 0,
            "sha": "",
            "refreshed_at": None,
            "seen_by": None,
        }
        assert mine["failures"] > 0
        assert "Can't connect" in mine["degraded_reason"]
    assert said.degraded == [1, 1, 1, 1]
    for part in fleet.parts:
        lines = part.lines("rules_not_read")
        assert {(line["level"], line["serving_old"]) for line in lines[:1]} == {("error", False)}
    # What nobody could begin has waited.
    waited = await fleet.apis[1].ended(said.by_hand, limit=LIVE_LIMIT)
    assert (waited["status"], *shown(waited)) == ("COMPLETED", 1, ["createOrder", "pay"])
    for api in fleet.apis:
        answer = await api.execute("buy", BOOK)
        assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")


def nobody_has_read(answer: Response) -> bool:
    """What a refresh says; it may still wait for one whose turn it is, and who hangs."""
    if answer.is_success:
        return not any(one["done"] for one in answer.json()["instances"])
    return refused(answer) == (503, "RULES_UNAVAILABLE")


@pytest.mark.parametrize("how", ["killed", "suspended"])
async def test_later_what_was_read_serves_and_all_say_so(
    fleet: Fleet, temporal: Client, tenant: str, gate: Gate, how: How
) -> None:
    ann, bob = fleet.authors(tenant)
    await ann.create("sell", EL)
    await fleet.agreed(tenant)
    request = {**BOOK, **gate.request()}
    held = f"held-{uuid4().hex[:8]}"
    await fleet.apis[0].execute("sell", request, tenant, execution_id=held, mode="async")
    await gate.entering()
    failed = await fleet.numbers(FAILURES)
    spoken = [len(part.lines("rules_not_read")) for part in fleet.parts]
    with fleet.database_away(how):
        gate.open()
        hand = await fleet.by_hand(temporal, tenant, "sell", BOOK)
        # A server that hangs costs each who asks it ten seconds: so all ask at once.
        edit = {"version": 1, "el": BETTER, "publish": True}
        writing = asyncio.create_task(ann.send("PUT", "chains/sell", edit))
        refreshing = asyncio.create_task(bob.send("POST", "refresh", wait_seconds=1))
        now = await asyncio.gather(*(started(api, tenant, "sell") for api in fleet.apis))
        for id in (held, *now, hand):
            await temporal.get_workflow_handle(f"{tenant}:{id}").result()
        await fleet.all_say(DEGRADED, 1)
        statuses, *ready = await asyncio.gather(
            all_degraded(fleet, tenant), *(api.get("/ready") for api in fleet.apis)
        )
        for status in statuses:
            assert (status["revision"], status["via"]) == (None, "redis")
        for answer in ready:
            assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert set(await fleet.numbers(DEGRADED)) == {1}
        assert nobody_has_read(await refreshing)
        assert refused(await writing) == (503, "DATABASE_UNAVAILABLE")
    for part, before in zip(fleet.parts, spoken, strict=True):
        lines = part.lines("rules_not_read")[before:]
        assert {(line["level"], line["serving_old"]) for line in lines} == {("error", True)}
    assert all(
        later > before for later, before in zip(await fleet.numbers(FAILURES), failed, strict=True)
    )
    await fleet.all_say(DEGRADED, 0)
    await fleet.agreed(tenant)
    assert all(part.lines("rules_read_again") for part in fleet.parts)
    await bob.edit("sell", el=BETTER, publish=True)
    await fleet.agreed(tenant)
    for api in fleet.apis:
        id = await started(api, tenant, "sell")
        assert shown(await api.ended(id, tenant)) == (2, ["createOrder", "pay", "notify"])
    for id in (held, *now, hand):
        await until(partial(in_sql, fleet.apis[0], tenant, id), LIVE_LIMIT, f"the record of {id}")
        assert shown(await fleet.apis[1].view(id, tenant)) == OLD


async def all_degraded(fleet: Fleet, tenant: str) -> list[Any]:
    """What each API says, as soon as each says so of itself and the others."""

    async def look() -> list[Any] | None:
        found = await fleet.statuses(tenant)
        flags = [[one["degraded"] for one in status["instances"]] for status in found]
        return found if flags == [[True] * 4] * 2 else None

    return await until(look, LIVE_LIMIT, "the flag of all instances", 0.1)


async def started(api: Api, tenant: str, chain: str) -> str:
    """A saga that was taken on."""
    id = f"x-{uuid4().hex[:12]}"
    answer = await api.execute(chain, BOOK, tenant, execution_id=id, mode="async")
    assert answer.status_code == 202, answer.text
    return id


async def in_sql(api: Api, tenant: str, id: str) -> bool:
    """Whether the list, which is SQL's, has it, as ended."""
    found = await api.json("/api/saga/executions", tenant, limit="50")
    ended = {item["execution_id"] for item in found["items"] if item["status"] == "COMPLETED"}
    return id in ended
