"""Each decision through each door: accepted, rejected, repeated, late, malformed, without a worker.

The doors are the API and the `temporal` command. A saga has two steps, the second of which is
refused and waits for a person. What is told of a decision is always the workflow's own record.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import httpx2
import pytest
from temporalio.client import Client

from dev.temporal_server import DevServer
from rules.source.repository import ChainRow
from tests.api.by_command import temporal_command
from tests.api.sites import (
    Api,
    Place,
    environment_of,
    load,
    new_place,
    only,
    open_api,
    open_worker,
)
from tests.api.waiting import until

DoorName = Literal["api", "command"]
DOORS: tuple[DoorName, ...] = ("api", "command")
CHAINS = (
    ChainRow(tenant="", name="decided", text='THEN(work.tag("a"), work.tag("b"));'),
    ChainRow(
        tenant="",
        name="branches",
        text='THEN(work.tag("a"), WHEN(work.tag("b"), work.tag("c")), work.tag("d"));',
    ),
)
MANUAL = {"work": {"on_failure": {"strategy": "MANUAL"}}}
ONCE = {"unwork": {"retry": {"attempts": 1}}}

# How the saga ends that waits at its second step.
ENDS: dict[str, tuple[str, str | None]] = {
    "retry": ("COMPLETED", None),
    "skip": ("COMPLETED", None),
    "compensate": ("COMPENSATED", "operator"),
    "manual-decision": ("COMPENSATED", "operator"),
    "cancel": ("CANCELLED", "cancel"),
}
ACTIONS = {"manual-decision": {"action": "compensate"}}

every_decision = pytest.mark.parametrize("what", ENDS)
every_door = pytest.mark.parametrize("door", DOORS)


@dataclass(frozen=True, slots=True)
class Said:
    """What a door answered at once: the API with a verdict, the command that it was sent."""

    code: int
    body: Any

    @property
    def taken(self) -> bool:
        return self.code in (0, 200, 202)


@dataclass(frozen=True, slots=True)
class Doors:
    """The two ways to an execution of tenant 1."""

    api: Api
    temporal: str

    async def send(self, door: DoorName, id: str, what: str, body: Any) -> Said:
        if door == "command":
            return await self._command(id, what, body)
        answer: httpx2.Response = await self.api.http.post(
            f"/api/saga/executions/{id}/{what}", json=body, headers={"X-Tenant-Id": "1"}
        )
        return Said(answer.status_code, answer.json())

    async def _command(self, id: str, what: str, body: Any) -> Said:
        words = ["workflow"]
        if what == "cancel":
            # The command takes a reason for whole lists of workflows only.
            words += ["cancel"]
        else:
            signal = what.replace("-", "_")
            words += ["signal", "--name", signal, "--input", json.dumps(body)]
        code, said = await temporal_command(self.temporal, *words, "--workflow-id", f"1:{id}")
        return Said(code, said)

    async def start(
        self, id: str, script: dict[str, list[str]], chain: str = "decided", **more: Any
    ) -> None:
        answer = await self.api.execute(
            chain,
            script,
            execution_id=id,
            mode="async",
            overrides={**ONCE, **MANUAL},
            **more,
        )
        assert answer.status_code == 202, answer.text

    async def says(self, id: str, **fields: object) -> Any:
        """The workflow's own view, as soon as it says this."""

        async def look() -> Any:
            answer = await self.api.get(f"/api/saga/executions/{id}", consistency="strong")
            view = answer.json() if answer.status_code == 200 else {}
            return view if fields.items() <= view.items() else None

        return await until(look, 20, f"{id} to say {fields}")

    async def ended(self, id: str) -> Any:
        """The workflow's own view of its end."""

        async def look() -> Any:
            view = await self.says(id)
            return view if view["ended_at"] else None

        return await until(look, 20, f"the end of {id}")

    async def waiting(self, id: str, script: dict[str, list[str]] | None = None) -> None:
        await self.start(id, script or {"b": ["refuse", "ok"]})
        await self.says(id, status="WAITING_DECISION")

    async def blocked(self, id: str) -> None:
        await self.waiting(id, {"b": ["refuse"], "undo:a": ["error", "ok"]})
        await self.send("api", id, "compensate", {"decision_id": "stop"})
        await self.says(id, status="COMPENSATION_BLOCKED")

    async def records(self, id: str, decision_id: str, known: int = 1) -> list[Any]:
        """The records of a decision, as soon as there are so many."""

        async def look() -> list[Any] | None:
            view = await self.says(id)
            found = [r for r in view["decisions"] if r["decision_id"] == decision_id]
            return found if len(found) >= known else None

        return await until(look, 20, f"the record of {decision_id}")


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("decided")
    made = new_place(home, temporal_server.address)
    components = (*made.settings.components, "tests.workflows.acting")
    place = Place(home, made.settings.model_copy(update={"components": components}), made.temporal)
    load(place.settings, CHAINS)
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def doors(place: Place, api: Api, worker: None) -> Doors:
    return Doors(api, place.temporal)


@every_door
@every_decision
async def test_accepted_once_though_sent_twice(
    doors: Doors, id: str, what: str, door: DoorName
) -> None:
    body = {"decision_id": "one", "operator": "ann", "reason": "why not", **ACTIONS.get(what, {})}
    await doors.waiting(id)
    assert (await doors.send(door, id, what, body)).taken
    status, cause = ENDS[what]
    view = await doors.says(id, status=status, cause=cause)
    (record,) = view["decisions"]
    by_hand = (door, what) == ("command", "cancel")
    assert only(record, "kind", "decision_id", "operator", "reason", "verdict", "why") == {
        "kind": what.replace("-", "_"),
        "decision_id": "cancel-1" if by_hand else "one",
        "operator": "temporal" if by_hand else "ann",
        "reason": None if by_hand else "why not",
        "verdict": "accepted",
        "why": None,
    }
    # It is late now; the API knows it, and tells of its verdict again.
    again = await doors.send("api", id, what, {**body, "decision_id": record["decision_id"]})
    assert (again.code, again.body["verdict"]) == (200, "accepted"), again
    assert (await doors.says(id))["decisions"] == [record]


async def test_twice_and_without_a_worker(place: Place, id: str) -> None:
    """What nobody can judge waits in Temporal; then each is judged once."""
    settings = place.settings.model_copy(update={"task_queue": f"alone-{id}"})
    cases: list[tuple[DoorName, str]] = [(door, what) for door in DOORS for what in ENDS]

    async def send_twice(doors: Doors, door: DoorName, what: str) -> None:
        body = {"decision_id": "one", "operator": "ann", **ACTIONS.get(what, {})}
        for _ in range(2):
            said = await doors.send(door, f"{id}-{door}-{what}", what, body)
            assert said.taken, said
            assert door == "command" or (said.code, said.body["verdict"]) == (202, None)

    async with open_api(settings) as api:
        doors = Doors(api, place.temporal)
        async with open_worker(settings):
            await asyncio.gather(*(doors.waiting(f"{id}-{door}-{what}") for door, what in cases))
        await asyncio.gather(*(send_twice(doors, door, what) for door, what in cases))
        async with open_worker(settings):
            for door, what in cases:
                status, cause = ENDS[what]
                view = await doors.says(f"{id}-{door}-{what}", status=status, cause=cause)
                (record,) = view["decisions"]
                assert (record["kind"], record["verdict"]) == (what.replace("-", "_"), "accepted")


@every_door
@pytest.mark.parametrize(
    ("what", "body", "words"),
    [
        ("retry", {"step": "nope"}, "'nope' does not wait for a decision"),
        ("skip", {"step": "0.0"}, "'0.0' does not wait for a decision"),
        ("manual-decision", {}, "needs an action: retry, skip or compensate"),
        ("manual-decision", {"action": "skip", "step": "a"}, "'a' does not wait"),
    ],
)
async def test_rejected_and_the_saga_waits_on(
    doors: Doors, id: str, *, door: DoorName, what: str, body: dict[str, Any], words: str
) -> None:
    await doors.waiting(id)
    said = await doors.send(door, id, what, {"decision_id": "no", **body})
    (record,) = await doors.records(id, "no")
    assert record["verdict"] == "rejected"
    assert words in record["why"]
    if door == "api":
        assert (said.code, said.body["code"]) == (409, "DECISION_REJECTED")
        assert said.body["message"] == record["why"]
    assert (await doors.says(id))["status"] == "WAITING_DECISION"


@every_door
@pytest.mark.parametrize("what", ["compensate", "manual-decision", "cancel"])
async def test_rejected_while_undoing(doors: Doors, id: str, door: DoorName, what: str) -> None:
    await doors.blocked(id)
    body = {"decision_id": "no", "operator": "bob", **ACTIONS.get(what, {})}
    said = await doors.send(door, id, what, body)
    name = "cancel-2" if (door, what) == ("command", "cancel") else "no"
    (record,) = await doors.records(id, name)
    assert (record["verdict"], record["why"]) == ("rejected", "already undoing")
    assert record["kind"] == what.replace("-", "_")
    if door == "api":
        assert (said.code, said.body["message"]) == (409, "already undoing")
    assert (await doors.says(id))["cause"] == "operator"
    assert (await doors.send(door, id, "retry", {"decision_id": "yes"})).taken
    await doors.says(id, status="COMPENSATED")


async def test_without_saga_nothing_is_compensated(doors: Doors, id: str) -> None:
    await doors.start(id, {"b": ["refuse"]}, saga=False)
    await doors.says(id, status="WAITING_DECISION")
    said = await doors.send("api", id, "compensate", {})
    assert (said.code, "without saga" in said.body["message"]) == (409, True)
    assert (await doors.send("api", id, "skip", {})).code == 200


async def test_every_further_cancel_is_recorded(doors: Doors, id: str) -> None:
    """While a step is awaited, the saga is stopping: one cancel did it, the others are told so."""
    await doors.waiting(id)
    cancels = [{"decision_id": f"c{n}", "operator": f"o{n}"} for n in range(4)]
    said = await asyncio.gather(*(doors.send("api", id, "cancel", body) for body in cancels))
    assert sorted(each.code for each in said) == [200, 409, 409, 409], said
    view = await doors.says(id, status="CANCELLED")
    won = next(record for record in view["decisions"] if record["verdict"] == "accepted")
    assert won["kind"] == "cancel"


async def test_a_cancel_while_the_end_is_written(doors: Doors, place: Place, id: str) -> None:
    """The database is locked, so that the saga's last change takes its whole second."""
    await doors.waiting(id)
    file = place.settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        assert (await doors.send("api", id, "skip", {})).code == 200
        await doors.says(id, status="COMPLETED")
        said = await doors.send("api", id, "cancel", {})
        lock.execute("ROLLBACK")
    assert (said.code, said.body["code"]) == (409, "COMPLETED"), said
    assert (await doors.says(id))["cause"] is None


@every_decision
async def test_late(doors: Doors, id: str, what: str) -> None:
    await doors.waiting(id)
    assert (await doors.send("api", id, "skip", {"decision_id": "first"})).code == 200
    await doors.says(id, status="COMPLETED")
    body = {"decision_id": "late", **ACTIONS.get(what, {})}
    said = await doors.send("api", id, what, body)
    assert (said.code, said.body["code"]) == (409, "COMPLETED")
    said = await doors.send("command", id, what, body)
    assert said.code != 0 or what == "cancel", said.body
    view = await doors.says(id)
    assert [record["decision_id"] for record in view["decisions"]] == ["first"]


@pytest.mark.parametrize("what", ["retry", "skip", "compensate", "manual-decision"])
async def test_malformed(doors: Doors, id: str, what: str) -> None:
    await doors.waiting(id)
    odd: list[Any] = [7, "now!", [], {"decision_id": "odd", "setp": "b"}, {"operator": ["ann"]}]
    for body in odd:
        assert (await doors.send("api", id, what, body)).code == 422
    assert (await doors.says(id))["decisions"] == [], "the API lets no such thing through"
    for body in [*odd, odd[3]]:
        assert (await doors.send("command", id, what, body)).code == 0

    async def all_judged() -> Any:
        found = (await doors.says(id))["decisions"]
        return found if len(found) == len(odd) else None

    records = await until(all_judged, 20, "all to be judged")
    assert {record["verdict"] for record in records} == {"rejected"}
    assert [record["why"].split(":")[0].split(" is ")[0] for record in records] == [
        *["a decision"] * 3,
        *["malformed"] * 2,
    ]
    assert (await doors.says(id))["status"] == "WAITING_DECISION"
    assert (await doors.send("command", id, "skip", None)).code == 0, "nothing is a decision too"
    await doors.says(id, status="COMPLETED")


@pytest.mark.parametrize("reason", ["out of patience", '{"operator": 7}', "[]", "{"])
async def test_a_cancel_is_taken_whatever_its_reason(
    doors: Doors, temporal: Client, id: str, reason: str
) -> None:
    await doors.waiting(id)
    await temporal.get_workflow_handle(f"1:{id}").cancel(reason=reason)
    view = await doors.says(id, status="CANCELLED")
    (record,) = view["decisions"]
    assert (record["verdict"], record["operator"]) == ("accepted", "temporal")


# Of two answers to one wait, and of two stops, one wins. Whether a stop comes before or after an
# answer, the saga ends as its last accepted decision says.
RACES = [
    ("retry", "skip", 1),
    ("manual-decision", "compensate", 1),
    ("compensate", "cancel", 1),
    ("skip", "cancel", 2),
    ("manual-decision", "retry", 2),
]


@pytest.mark.parametrize(("one", "other", "winners"), RACES)
async def test_of_two_racing_one_wins(
    doors: Doors, id: str, one: str, other: str, winners: int
) -> None:
    """One through each door, then the same the other way round."""
    for turn, (first, second) in enumerate(((one, other), (other, one))):
        name = f"{id}-{turn}"
        await doors.waiting(name)
        bodies = [{"operator": what, **ACTIONS.get(what, {})} for what in (first, second)]
        await asyncio.gather(
            doors.send("api", name, first, bodies[0]),
            doors.send("command", name, second, bodies[1]),
        )
        decided = (await doors.ended(name))["decisions"]
        accepted = [r for r in decided if r["verdict"] == "accepted"]
        assert 1 <= len(accepted) <= winners, decided
        view = await doors.says(name)
        assert (view["status"], view["cause"]) == ENDS[accepted[-1]["kind"].replace("_", "-")]
        for record in decided:
            if record["verdict"] == "rejected":
                told = record["why"]
                assert told.startswith(("already", "the saga has ended")), told


async def test_two_branches_wait_at_once(doors: Doors, id: str) -> None:
    await doors.start(id, {"b": ["refuse", "ok"], "c": ["refuse", "ok"]}, "branches")

    async def both() -> Any:
        view = await doors.says(id)
        return view if len(view["waiting"]) == 2 else None

    view = await until(both, 20, "both branches to wait")
    assert view["status"] == "WAITING_DECISION"
    unnamed = await doors.send("api", id, "retry", {})
    assert unnamed.code == 409
    for path in ("0.1.0", "0.1.1"):
        assert f"{path} (work)" in unnamed.body["message"]
    assert (await doors.send("command", id, "skip", {"step": "0.1.1"})).code == 0
    view = await doors.says(id, status="WAITING_DECISION")
    assert (await doors.send("api", id, "retry", {"step": "0.1.0"})).code == 200
    view = await doors.says(id, status="COMPLETED")
    steps = {entry["tag"]: entry["status"] for entry in view["executionStack"]}
    assert steps == {"a": "COMPLETED", "b": "COMPLETED", "c": "SKIPPED", "d": "COMPLETED"}


@every_door
async def test_cancelled_before_any_worker_began_it(place: Place, id: str, door: DoorName) -> None:
    settings = place.settings.model_copy(update={"task_queue": f"alone-{id}"})
    async with open_api(settings) as api:
        alone = Doors(api, place.temporal)
        await alone.start(id, {})
        for decision_id in ("one", "two"):
            said = await alone.send(door, id, "cancel", {"decision_id": decision_id})
            assert said.taken, said
        async with open_worker(settings):
            view = await alone.says(id, status="CANCELLED", cause="cancel")
    assert {entry["status"] for entry in view["executionStack"]} <= {"COMPENSATED"}
    told = [(record["kind"], record["verdict"]) for record in view["decisions"]]
    # The command's second cancel is swallowed by Temporal; the API has each one recorded.
    assert told == [("cancel", "accepted"), ("cancel", "rejected")][: 1 + (door == "api")]
