"""A saga that ends well in spite of a lost answer says what may have happened, on both runtimes."""

from typing import Any, Final

import pytest

from tests.api.sites import BOOK, Api, only

# The answer is lost when the effect is there, and the failure is ignored.
LOST: Final[dict[str, Any]] = {**BOOK, "faults": {"pay": "error_after"}}
IGNORED: Final[dict[str, Any]] = {"version": 0, "on_failure": {"strategy": "IGNORE"}}
ACME: Final = {"X-Tenant-Id": "acme"}


@pytest.fixture(scope="module", autouse=True)
async def ignored(api: Api, worker: None) -> None:
    answer = await api.http.put("/api/components/pay/metadata", json=IGNORED, headers=ACME)
    assert answer.status_code == 200, answer.text


async def test_on_temporal(api: Api, id: str) -> None:
    answer = await api.execute("placeOrder", LOST, "acme", execution_id=id)
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    for view in (await api.ended(id, "acme"), await api.view(id, "acme", consistency="strong")):
        (pay,) = (entry for entry in view["executionStack"] if entry["component"] == "pay")
        assert only(pay, "status", "outcome") == {"status": "UNKNOWN", "outcome": "UNKNOWN"}
        assert view["unknown_effects"] == [pay["path"]]


async def test_in_memory(api: Api) -> None:
    answer = await api.http.post("/api/execute/placeOrder", json=LOST, headers=ACME)
    said = answer.json()
    assert (said["success"], said["execution"]["status"]) == (True, "COMPLETED")
    (pay,) = (e for e in said["execution"]["stack"] if e["component"] == "pay")
    assert said["unknown_effects"] == [pay["path"]]


async def test_there_are_none_where_everything_is_known(api: Api, id: str) -> None:
    assert (await api.execute("placeOrder", BOOK, "acme", execution_id=id)).status_code == 200
    assert (await api.ended(id, "acme"))["unknown_effects"] == []


async def test_what_was_undone_is_none(api: Api, id: str) -> None:
    """Another tenant has no edit: there the lost answer fails the saga, which undoes it."""
    answer = await api.execute("placeOrder", LOST, execution_id=id)
    assert answer.status_code == 422
    view = await api.ended(id)
    assert (view["status"], view["unknown_effects"]) == ("COMPENSATED", [])
