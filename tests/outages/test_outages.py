"""Every part is taken down while sagas run, and comes back: nothing is lost, nothing done twice.

In each drama the same sagas are under way, one for each way to end. Some are decided during the
outage, some after it, one begins in it. In the end the rows, the hot state, the API and each
workflow itself say the same, and the world outside has seen each effect once.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from tests.api.by_command import temporal_command
from tests.api.sites import Api, runs
from tests.api.waiting import until as until_often
from tests.outages.agreement import TENANT, Accounts, accounts_of
from tests.outages.roles import ROLES, Deed, Role
from tests.outages.site import Site

LIMIT = 60.0
until = partial(until_often, pause=0.2)
MANUAL = {"act": {"on_failure": {"strategy": "MANUAL"}}}


@dataclass(frozen=True, slots=True)
class Drama:
    """How a part is taken down and brought back, and what is known of the time between.

    `forgets`: what Redis knew may be gone for good, so that SQL answers in its place.
    """

    part: str
    take: Callable[[Site], object]
    bring_back: Callable[[Site], object]
    api_answers: bool = True
    goes_on: bool = True
    forgets: bool = False


DRAMAS = {
    "redis-suspended": Drama("redis", lambda s: s.redis.suspend(), lambda s: s.redis.resume()),
    "redis-killed": Drama(
        "redis", lambda s: s.redis.kill(), lambda s: s.redis.start(), forgets=True
    ),
    "mariadb-suspended": Drama(
        "mariadb", lambda s: s.mariadb.suspend(), lambda s: s.mariadb.resume()
    ),
    "mariadb-killed": Drama("mariadb", lambda s: s.mariadb.kill(), lambda s: s.mariadb.start()),
    "worker-killed": Drama(
        "worker", lambda s: s.worker.kill(), Site.start_worker, goes_on=False, forgets=True
    ),
    "api-killed": Drama(
        "api", lambda s: s.api_process.kill(), Site.start_api, api_answers=False, forgets=True
    ),
}


@dataclass(frozen=True, slots=True)
class Cast:
    """The sagas of one drama, and what can be done to them."""

    name: str
    site: Site
    api: Api
    temporal: Client

    def id(self, role: Role) -> str:
        return f"{self.name}-{role.name}"

    async def start(self, role: Role) -> httpx2.Response:
        """Ask the API for the saga, without waiting for its end."""
        return await self.api.execute(
            role.chain,
            {"door": self.name, "script": role.script},
            execution_id=self.id(role),
            mode="async",
            overrides=MANUAL if role.manual else {},
        )

    async def decide(self, role: Role, what: Deed, *, by_api: bool) -> None:
        """Send a decision, through the API or by the `temporal` command."""
        body = {"decision_id": f"{what}-1", "operator": "ann"}
        workflow = ("--workflow-id", f"{TENANT}:{self.id(role)}")
        if what == "terminate":
            words: tuple[str, ...] = ("terminate", "--reason", "by a test")
        elif by_api:
            answer = await self.api.http.post(
                f"/api/saga/executions/{self.id(role)}/{what}",
                json=body,
                headers={"X-Tenant-Id": TENANT},
            )
            assert answer.status_code in (200, 202), answer.text
            return
        elif what == "cancel":
            words = ("cancel",)
        else:
            words = ("signal", "--name", what, "--input", json.dumps(body))
        code, said = await temporal_command(self.site.place.temporal, "workflow", *words, *workflow)
        assert code == 0, said

    async def ready(self, role: Role) -> None:
        """Wait until the saga is where it should be when the outage begins."""

        async def look() -> bool:
            answer = await self.api.get(
                f"/api/saga/executions/{self.id(role)}", consistency="strong"
            )
            begun = answer.status_code == 200 and answer.json()["status"] == role.before
            calls = self.site.world.calls(self.id(role))
            return begun and (role.held is None or (role.held, "do") in calls)

        await until(look, LIMIT, f"{self.id(role)} to be ready")

    async def closed(self, role: Role) -> None:
        """Wait until Temporal says that the workflow has ended."""
        handle = self.temporal.get_workflow_handle(f"{TENANT}:{self.id(role)}")

        async def look() -> bool:
            return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

        await until(look, LIMIT, f"the end of {self.id(role)}")

    async def agreed(self, role: Role, *, forgets: bool) -> Accounts:
        """What everybody says, as soon as they agree; in the end, in what they differ.

        `forgets`: Redis may have lost what it knew, and then SQL answers in its place.
        """
        found: list[Accounts] = []

        async def look() -> bool:
            found[:] = [await accounts_of(self.site, self.api, self.temporal, self.id(role))]
            lost = forgets and found[0].source == "sql"
            return found[0].agrees and (lost or found[0].hot == found[0].workflow)

        try:
            await until(look, LIMIT, "agreement")
        except TimeoutError:
            assert found[0].rows == found[0].workflow
            assert found[0].shown == found[0].workflow
        return found[0]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DRAMAS)
async def test_nothing_is_lost_and_nothing_done_twice(
    name: str, site: Site, api: Api, temporal: Client
) -> None:
    drama, cast = DRAMAS[name], Cast(name, site, api, temporal)
    before = [role for role in ROLES if role.before is not None]
    await asyncio.gather(*(_started(cast, role) for role in before))
    await asyncio.gather(*(cast.ready(role) for role in before))

    drama.take(site)
    try:
        await asyncio.gather(*(_meanwhile(cast, drama, role) for role in ROLES if role.during))
        site.world.door(name, "open").touch()
        if drama.goes_on:
            decided = [role for role in before if role.after is None]
            await asyncio.gather(*(cast.closed(role) for role in decided))
    finally:
        drama.bring_back(site)

    site.world.door(name, "mended").touch()
    await asyncio.gather(*(_afterwards(cast, role) for role in ROLES))
    for role in ROLES:
        await cast.closed(role)
        _check(cast, role, await cast.agreed(role, forgets=drama.forgets), drama)
    await until(partial(_sound, api), LIMIT, "the API to be sound")


async def _started(cast: Cast, role: Role) -> None:
    answer = await cast.start(role)
    assert answer.status_code == 202, answer.text


async def _meanwhile(cast: Cast, drama: Drama, role: Role) -> None:
    """What is done to a saga during the outage; a start without the API is refused, no more."""
    if role.during == "start" and not drama.api_answers:
        with pytest.raises(httpx2.TransportError):
            await cast.start(role)
    elif role.during == "start":
        answer = await cast.start(role)
        assert (answer.status_code, answer.json()["execution_id"]) == (202, cast.id(role))
    else:
        assert role.during is not None
        await cast.decide(role, role.during, by_api=drama.api_answers)


async def _afterwards(cast: Cast, role: Role) -> None:
    """The decision that waited for the end of the outage; a start is repeated, and is one."""
    if role.during == "start":
        for _ in range(2):
            answer = await cast.start(role)
            assert answer.status_code in (200, 202), answer.text
            assert answer.json()["execution_id"] == cast.id(role)
        assert await runs(cast.temporal, cast.id(role)) == 1
    elif role.after is not None:
        await cast.decide(role, role.after, by_api=True)


def _check(cast: Cast, role: Role, told: Accounts, drama: Drama) -> None:
    """The saga ended as its role says, for everybody, and so it did outside."""
    id = cast.id(role)
    ends = {entry["tag"]: entry["status"] for entry in told.workflow["stack"].values()}
    cause = role.cause.value if role.cause else None
    assert (told.workflow["status"], told.workflow["cause"], ends) == (
        role.status.value,
        cause,
        {tag: status.value for tag, status in role.ends.items()},
    ), id
    decided = [deed for deed in (role.during, role.after) if deed not in (None, "start")]
    records = [(record["kind"], record["verdict"]) for record in told.workflow["decisions"]]
    assert records == [(deed, "accepted") for deed in decided if deed != "terminate"], id
    _check_hot(cast.site, id, told, drama)
    assert sorted(cast.site.world.effects(id)) == role.effects, id
    calls = cast.site.world.calls(id)
    twice = {what for what, times in calls.items() if times > 1}
    assert max(calls.values()) <= 2, id
    # Only an attempt that was lost with its worker may be called again.
    lost = {(role.held, "do")} if drama.part == "worker" else set()
    assert role.undos_tried_twice <= twice <= role.undos_tried_twice | lost, id


def _check_hot(site: Site, id: str, told: Accounts, drama: Drama) -> None:
    """Redis says the same, or has lost it with a part, and then nobody hears of it."""
    if told.hot == told.workflow:
        left: Any = site.keys.ttl(f"chainsaga:hot:{TENANT}:{id}")
        assert 0 < left <= site.place.settings.hot_closed, id
    else:
        assert drama.forgets, (id, told)
        assert told.source == "sql", id


async def _sound(api: Api) -> bool:
    """Whether every part answers, and nothing lags behind."""
    answer = (await api.get("/ready")).json()
    lag = {"queued": 0, "dropped": 0, "failing_since": None}
    return bool(answer["status"] == "ok" and answer["mirror"] == lag)


@pytest.mark.timeout(180)
async def test_an_api_that_is_killed_with_starts_in_its_hands(
    site: Site, api: Api, temporal: Client
) -> None:
    """One saga runs and its caller waits; another is not begun, since a table is locked.

    Neither caller gets an answer. Repeated, each start is the only one.
    """
    answered = next(role for role in ROLES if role.name == "completes")
    begun = next(role for role in ROLES if role.before is None)
    cast = Cast("in-its-hands", site, api, temporal)
    request = {"door": cast.name, "script": answered.script}
    wait_for_it = partial(api.execute, answered.chain, request, execution_id=cast.id(answered))
    waiting = asyncio.create_task(wait_for_it(wait_seconds=60))
    await until(partial(_held, cast, answered), LIMIT, "the saga to run")
    with site.locked("saga_execution"):
        asked = asyncio.create_task(cast.start(begun))
        await until(site.someone_waits_for_the_lock, LIMIT, "the API to ask the database")
        site.api_process.kill()
        for lost in (waiting, asked):
            with pytest.raises(httpx2.TransportError):
                await lost
    site.world.door(cast.name, "open").touch()
    site.start_api()
    assert await runs(temporal, cast.id(begun)) == 0
    for _ in range(3):
        answer = await cast.start(begun)
        assert answer.status_code in (200, 202), answer.text
    joined = await wait_for_it(wait_seconds=30)
    assert (joined.status_code, joined.json()["status"]) == (200, "COMPLETED")
    for role in (answered, begun):
        await cast.closed(role)
        assert await runs(temporal, cast.id(role)) == 1
        _check(cast, role, await cast.agreed(role, forgets=True), DRAMAS["api-killed"])


async def _held(cast: Cast, role: Role) -> bool:
    return (role.held, "do") in cast.site.world.calls(cast.id(role))
