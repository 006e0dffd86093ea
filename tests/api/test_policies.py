"""Whose policy a saga has, however it is started: by the API, by hand, or in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from sqlalchemy import select
from temporalio.client import Client

from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.tables import saga_component_metadata
from tests.api.letter_place import letter_place
from tests.api.sites import BOOK, Api, Place, environment_of, only, open_api, open_worker
from tests.api.waiting import until

REFUSED: Final[dict[str, Any]] = {**BOOK, "faults": {"pay": "refuse"}}

# Edited before any process reads them: by tenant and component.
EDITS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("0", "pay"): {"retry": {"attempts": 2, "interval": 0.01}},
    ("acme", "pay"): {"retry": {"attempts": 3, "interval": 0.01}},
    ("acme", "createOrder"): {"compensate": "shredOrder"},
    ("umbrella", "createOrder"): {"compensate": None},
}


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = letter_place(tmp_path_factory.mktemp("place"), temporal_server.address)
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    async with open_api(place.settings) as api:
        for (tenant, component), changes in EDITS.items():
            answer = await api.http.put(
                f"/api/components/{component}/metadata",
                json={"version": 0, **changes},
                headers={"X-Tenant-Id": tenant},
            )
            assert answer.status_code == 200, answer.text
        yield api


@pytest.fixture(scope="module")
async def worker(place: Place, api: Api) -> AsyncIterator[None]:
    """Reads the rules at its start, when all is edited."""
    async with open_worker(place.settings):
        yield


@dataclass(frozen=True, slots=True)
class Site:
    """What a start needs."""

    api: Api
    temporal: Client
    queue: str


@pytest.fixture
def site(place: Place, api: Api, worker: None, temporal: Client) -> Site:
    return Site(api, temporal, place.settings.task_queue)


Begin = Callable[[Site, str, str, str], Awaitable[None]]


async def by_api(site: Site, chain: str, tenant: str, id: str) -> None:
    """The API freezes the chain."""
    answer = await site.api.execute(chain, REFUSED, tenant, execution_id=id, mode="async")
    assert answer.status_code == 202, answer.text


async def by_hand(site: Site, chain: str, tenant: str, id: str) -> None:
    """The worker freezes the chain; so it does for a schedule."""
    queue = site.queue
    await site.temporal.start_workflow(chain, REFUSED, id=f"{tenant}:{id}", task_queue=queue)

    async def frozen() -> bool:
        answer = await site.api.get(f"/api/saga/executions/{id}", tenant)
        return answer.status_code == 200

    await until(frozen, 15, f"the worker to freeze {id}")


WAYS: Final[dict[str, Begin]] = {"by the API": by_api, "by hand": by_hand}
ways = pytest.mark.parametrize("begin", WAYS.values(), ids=WAYS)

# Attempts of `pay`; what undoes `createOrder`; the status at the end.
Outcome = tuple[int, str | None, str]
POLICIES: Final[list[tuple[str, Outcome]]] = [
    ("1", (2, "deleteOrder", "COMPENSATED")),
    ("acme", (3, "shredOrder", "COMPENSATED")),
    ("umbrella", (2, None, "FAILED")),
]


def entries(stack: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["component"]: entry for entry in stack}


def outcome(status: str, stack: list[dict[str, Any]]) -> Outcome:
    found = entries(stack)
    return found["pay"]["attempts"], found["createOrder"]["compensation"], status


@ways
@pytest.mark.parametrize(("tenant", "expected"), POLICIES)
async def test_a_tenants_edit_goes_before_the_default(
    site: Site, id: str, begin: Begin, tenant: str, expected: Outcome
) -> None:
    await begin(site, "short", tenant, id)
    view = await site.api.ended(id, tenant)
    assert outcome(view["status"], view["executionStack"]) == expected


@pytest.mark.parametrize(("tenant", "expected"), POLICIES)
async def test_in_memory_too(site: Site, tenant: str, expected: Outcome) -> None:
    answer = await site.api.http.post(
        "/api/execute/short?saga=true", json=REFUSED, headers={"X-Tenant-Id": tenant}
    )
    execution = answer.json()["execution"]
    assert outcome(execution["status"], execution["stack"]) == expected


async def test_a_request_goes_before_all(site: Site, id: str) -> None:
    overrides = {"pay": {"retry": {"attempts": 4, "interval": 0.01}}}
    await site.api.execute("short", REFUSED, "acme", execution_id=id, overrides=overrides)
    view = await site.api.ended(id, "acme")
    assert outcome(view["status"], view["executionStack"]) == (4, "shredOrder", "COMPENSATED")


@ways
async def test_an_inferred_compensation_undoes(site: Site, id: str, begin: Begin) -> None:
    await begin(site, "stamped", "1", id)
    view = await site.api.ended(id)
    assert only(entries(view["executionStack"])["stampLetter"], "compensation", "status") == {
        "compensation": "undoStampLetter",
        "status": "COMPENSATED",
    }


@ways
async def test_a_chain_that_is_not_transactional_undoes_nothing(
    site: Site, id: str, begin: Begin
) -> None:
    await begin(site, "free", "1", id)
    view = await site.api.ended(id)
    assert view["status"] == "FAILED"
    assert entries(view["executionStack"])["createOrder"]["status"] == "COMPLETED"


@ways
@pytest.mark.parametrize(("chain", "blocked"), [("sealed", 1), ("sealedOnward", 2)])
async def test_the_chain_says_whether_other_undos_go_on(
    site: Site, id: str, begin: Begin, chain: str, blocked: int
) -> None:
    await begin(site, chain, "1", id)
    await _blocked(site, id, blocked)
    await site.temporal.get_workflow_handle(f"1:{id}").terminate("seen")


async def test_the_request_says_it_before_the_chain(site: Site, id: str) -> None:
    answer = await site.api.execute(
        "sealedOnward", REFUSED, execution_id=id, undo_policy="stop", wait_seconds=15
    )
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATION_BLOCKED")
    await _blocked(site, id, 1)
    await site.temporal.get_workflow_handle(f"1:{id}").terminate("seen")


async def _blocked(site: Site, id: str, number: int) -> None:
    """So many undos wait for a person; while one stops the others, these have not begun."""

    async def waits() -> bool:
        answer = await site.api.get(f"/api/saga/executions/{id}", consistency="strong")
        return answer.status_code == 200 and len(answer.json()["waiting"]) == number

    await until(waits, 20, f"{number} blocked undos")
    view = await site.api.view(id, consistency="strong")
    assert view["status"] == "COMPENSATION_BLOCKED"
    statuses = [e["status"] for e in view["executionStack"] if e["component"] == "sealLetter"]
    assert sorted(statuses) == sorted(
        ["COMPENSATION_FAILED"] * number + ["COMPLETED"] * (2 - number)
    )


async def test_the_workers_scan_leaves_edits_alone(site: Site, place: Place) -> None:
    engine = create_engine_for(place.settings.database_url, "tests")
    table = saga_component_metadata
    query = select(table.c.compensate, table.c.compensation_source).where(
        table.c.tenant_id == "0", table.c.component_id == "stampLetter"
    )

    async def scanned() -> tuple[object, ...]:
        with engine.connect() as connection:
            return tuple(connection.execute(query).one_or_none() or ())

    assert await until(scanned, 15, "the scan") == ("undoStampLetter", "inferred")
    engine.dispose()
    for (tenant, component), changes in EDITS.items():
        found = await site.api.json(f"/api/components/{component}/metadata", tenant)
        assert found["changes"].keys() == changes.keys()
        assert (found["version"], found["edited_by"]) == (1, "api")


async def test_a_saga_that_runs_keeps_its_policies(site: Site, id: str) -> None:
    """It waits for a person with the policy of its start; the edit comes meanwhile."""
    manual = {"pay": {"on_failure": {"strategy": "MANUAL"}}}
    started = await site.api.execute(
        "short", REFUSED, "ledger", execution_id=id, overrides=manual, wait_seconds=15
    )
    assert started.json()["status"] == "WAITING_DECISION", started.text
    edited = await site.api.http.put(
        "/api/components/createOrder/metadata",
        json={"version": 0, "compensate": "shredOrder"},
        headers={"X-Tenant-Id": "ledger"},
    )
    assert edited.status_code == 200
    decided = await site.api.http.post(
        f"/api/saga/executions/{id}/compensate", json={}, headers={"X-Tenant-Id": "ledger"}
    )
    assert decided.status_code == 200
    view = await site.api.ended(id, "ledger")
    assert entries(view["executionStack"])["createOrder"]["compensation"] == "deleteOrder"
    await by_api(site, "short", "ledger", f"{id}-later")
    later = await site.api.ended(f"{id}-later", "ledger")
    assert entries(later["executionStack"])["createOrder"]["compensation"] == "shredOrder"
