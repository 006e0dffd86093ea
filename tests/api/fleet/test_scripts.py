"""Scripts that are made and edited at one API, or by SQL, while sagas run: on APIs and workers."""

from collections.abc import Mapping
from typing import Any, Final

import pytest
from temporalio.client import Client

from tests.api.fleet.fleet import Fleet
from tests.api.gates import Gate
from tests.api.sites import Api
from tests.rules.source.script_rows import put_script

PYTHON: Final = """
total = sum(_meta.requestData["prices"])
defaultContext.setData("total", total)
return "py"
"""
JAVASCRIPT: Final = """
defaultContext.setData("doubled", defaultContext.getData("total") * 2);
return "js";
"""
REQUEST: Final = {"prices": [1, 2, 3]}


async def make(fleet: Fleet, tenant: str, name: str, code: str, **more: Any) -> Any:
    """A script that is live at once, by the first API."""
    body = {"name": name, "type": "script", "language": "python", "code": code, "publish": True}
    return await fleet.author(tenant).done("POST", "components", {**body, **more})


async def output(api: Api, tenant: str, chain: str) -> Any:
    """What a saga that is started now answers."""
    answer = await api.execute(chain, {}, tenant)
    assert answer.status_code == 200, answer.text
    return (await api.ended(answer.json()["execution_id"], tenant))["output"]


async def everywhere(fleet: Fleet, temporal: Client, tenant: str, chain: str) -> set[str]:
    """What sagas answer that are started at each API, and by hand, frozen by each worker."""
    views = await fleet.on_both_workers(temporal, tenant, chain, {})
    by_api = [await output(api, tenant, chain) for api in fleet.apis]
    return {*by_api, *(view["output"] for view in views)}


async def test_new_scripts_run_on_both_apis_and_both_workers(
    fleet: Fleet, temporal: Client, tenant: str
) -> None:
    await make(fleet, tenant, "sum", PYTHON)
    await make(fleet, tenant, "twice", JAVASCRIPT, language="javascript")
    await fleet.author(tenant).create("count", "THEN(sum, twice);")
    await fleet.agreed(tenant)
    for api in fleet.apis:
        headers = {"X-Tenant-Id": tenant}
        answer = await api.http.post("/api/execute/count", json=REQUEST, headers=headers)
        assert answer.json()["context"] == {"total": 6, "doubled": 12}, answer.text
        durable = await api.execute("count", REQUEST, tenant)
        view = await api.ended(durable.json()["execution_id"], tenant)
        assert (view["context"], view["output"]) == ({"total": 6, "doubled": 12}, "js")
    views = await fleet.on_both_workers(temporal, tenant, "count", REQUEST)
    assert {view["output"] for view in views} == {"js"}


async def test_a_shared_script_is_hidden_by_a_tenants_own(
    fleet: Fleet, temporal: Client, tenant: str
) -> None:
    name, other = f"say_{tenant[2:]}", f"{tenant}-b"
    await make(fleet, "0", name, "return 'shared'")
    for one in (tenant, other):
        await fleet.author(one).create("tell", f"THEN({name});")
    await fleet.agreed(tenant)
    for one in (tenant, other):
        assert await everywhere(fleet, temporal, one, "tell") == {"shared"}
    await make(fleet, tenant, name, "return 'own'")
    await fleet.agreed(tenant)
    assert await everywhere(fleet, temporal, tenant, "tell") == {"own"}
    assert await everywhere(fleet, temporal, other, "tell") == {"shared"}
    bob = fleet.author(tenant, 1, "bob")
    await bob.done("DELETE", f"components/{name}", version=1)
    await fleet.agreed(tenant)
    assert await everywhere(fleet, temporal, tenant, "tell") == {"shared"}


@pytest.mark.parametrize("way", ["API", "SQL"])
async def test_a_saga_runs_one_version_of_a_script_to_its_end(
    fleet: Fleet, temporal: Client, tenant: str, gate: Gate, way: str
) -> None:
    await make(fleet, tenant, "say", "defaultContext.append('said', 'old'); return 'old'")
    await fleet.author(tenant).create("tell", "THEN(say, gate, say);")
    await fleet.agreed(tenant)
    ids = [f"{tenant}-{number}" for number in range(2)]
    for api, id in zip(fleet.apis, ids, strict=True):
        await api.execute("tell", gate.request(), tenant, execution_id=id, mode="async")
    by_hand = await fleet.by_hand(temporal, tenant, "tell", gate.request())
    await gate.entering()
    text = "defaultContext.append('said', 'new'); return 'new'"
    if way == "API":
        bob = fleet.author(tenant, 1, "bob")
        fields = {"version": 1, "code": text, "publish": True}
        await bob.done("PUT", "components/say", fields)
    else:
        put_script(fleet.engine, tenant, "say", text)
    await fleet.agreed(tenant)
    assert await everywhere(fleet, temporal, tenant, "tell") == {"new"}
    gate.open()
    for id in (*ids, by_hand):
        view = await fleet.apis[1].ended(id, tenant)
        assert (view["output"], view["context"]) == ("old", {"said": ["old", "old"]})


# What is done to the script by SQL, and what the quarantine says of the chain that names it.
BROKEN: list[tuple[Mapping[str, Any], str]] = [
    ({"text": "return 'old'", "enabled": False}, "there is no component and no chain 'say'"),
    ({"text": "return (("}, "'(' was never closed"),
]


@pytest.mark.parametrize(("change", "words"), BROKEN, ids=["off", "bad"])
async def test_without_its_script_a_chain_serves_as_it_last_compiled(
    fleet: Fleet, temporal: Client, tenant: str, change: Mapping[str, Any], words: str
) -> None:
    await make(fleet, tenant, "say", "return 'old'")
    await fleet.author(tenant).create("tell", "THEN(say);")
    await fleet.agreed(tenant)
    put_script(fleet.engine, tenant, "say", **change)
    await fleet.author(tenant).done("POST", "refresh", wait_seconds=20)
    found = await fleet.agreed(tenant, 1, told=True)
    for one in found["instances"]:
        (held,) = one["quarantine"]
        assert (held["chain"], held["serving_version"]) == ("tell", 1), one["name"]
        assert words in held["diagnostics"][0]["message"]
    assert await everywhere(fleet, temporal, tenant, "tell") == {"old"}
    put_script(fleet.engine, tenant, "say", "return 'mended'")
    await fleet.author(tenant).done("POST", "refresh", wait_seconds=20)
    found = await fleet.agreed(tenant, told=True)
    assert [one["quarantine"] for one in found["instances"]] == [[]] * 4
    assert await everywhere(fleet, temporal, tenant, "tell") == {"mended"}


async def test_a_bad_script_by_api_is_refused_and_changes_nothing(
    fleet: Fleet, temporal: Client, tenant: str
) -> None:
    await make(fleet, tenant, "say", "return 'old'")
    await fleet.author(tenant).create("tell", "THEN(say);")
    await fleet.agreed(tenant)
    bob = fleet.author(tenant, 1, "bob")
    bad = {"version": 1, "code": "x = 1\nreturn ((", "publish": True}
    answer = await bob.send("PUT", "components/say", bad)
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"]["diagnostics"][0]["line"] == 2
    assert await bob.changes("say", "components") == [(1, "CREATE")]
    assert await everywhere(fleet, temporal, tenant, "tell") == {"old"}
