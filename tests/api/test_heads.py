"""A head whose failure would be ignored has no answer: no chain with such a one runs, anywhere."""

from typing import Any

import httpx2
import pytest

from dev.temporal_server import DevServer
from rules.source.repository import ChainRow
from tests.api.sites import Api, Place, environment_of, load, new_place

CHAIN = ChainRow(tenant="", name="careless", text='IF(careless, work.tag("a"));')


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = new_place(tmp_path_factory.mktemp("heads"), temporal_server.address)
    more = ("tests.workflows.acting", "tests.workflows.bounded")
    components = (*made.settings.components, *more)
    place = Place(
        made.home, made.settings.model_copy(update={"components": components}), made.temporal
    )
    load(place.settings, [CHAIN])
    with environment_of(place):
        yield place


def check(answer: httpx2.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (422, "CHAIN_INVALID"), answer.text
    assert "is a condition and cannot ignore that it has no answer" in answer.text


async def test_no_saga_is_started(api: Api, id: str) -> None:
    check(await api.execute("careless", {}, execution_id=id))
    assert (await api.get(f"/api/saga/executions/{id}")).status_code == 404


async def test_nothing_runs_in_memory(api: Api) -> None:
    answer = await api.http.post("/api/execute/careless", json={}, headers={"X-Tenant-Id": "1"})
    check(answer)
