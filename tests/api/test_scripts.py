"""Script components in a running product: all kinds and languages, on Temporal and in memory."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

import pytest
from sqlalchemy import Engine
from temporalio import activity
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.worker import Worker

from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRow
from rules.wire import ContextOperation, StepReply, StepRequest
from tests.api.gates import Gate
from tests.api.sites import Api, Place, environment_of, load, new_place, only
from tests.rules.source.script_rows import put_script

CHAINS: Final = {
    "every": "THEN(ITERATOR(lines).DO(THEN(total, IF(isDear, dear))), FOR(times).DO(count),"
    ' SWITCH(which).TO(few, many.tag("m")), WHILE(more).DO(count).BREAK(isNine));',
    "undone": "THEN(book, hold, broken);",
    "refused": "THEN(book, sold);",
    "retried": "THEN(flaky.retry(2));",
    "waits": "THEN(gate, say);",
    "ends": "THEN(finish, say);",
    "onJvm": "THEN(rate, say);",
    "unsound": "THEN(say, torn);",
    "foreign": "THEN(lua);",
}
# Id -> type, language, text.
SCRIPTS: Final = {
    "lines": ("iterator_script", "javascript", "return _meta.requestData.lines"),
    "total": (
        "script",
        "python",
        "line = _meta.loopObject\ndefaultContext.add('total', line['price'] * line['quantity'])",
    ),
    "isDear": ("boolean_script", "cel", "_meta.loopObject.price > 10"),
    "dear": ("script", "javascript", "defaultContext.append('dear', _meta.loopObject.item)"),
    "times": ("for_script", "python", "return len(_meta.requestData['lines'])"),
    "count": ("script", "javascript", "defaultContext.add('count', 1)"),
    "which": ("switch_script", "cel", "defaultContext.total > 40 ? 'tag:m' : 'few'"),
    "few": ("script", "python", "defaultContext.setData('which', 'few')"),
    "many": ("script", "python", "defaultContext.setData('which', 'many')"),
    "more": ("boolean_script", "python", "return _meta.loopIndex < 100"),
    "isNine": ("boolean_script", "javascript", "return defaultContext.getData('count') === 9"),
    "book": ("script", "python", "return {'seat': 7}"),
    "bookCompensate": (
        "script",
        "javascript",
        (
            "const u = _meta.undo\n"
            "console.log('undone')\n"
            "if (u.output.seat !== 7 || u.component !== 'book') throw new Error('wrong seat')\n"
            "return [_meta.key, u.key]"
        ),
    ),
    "hold": ("script", "python", "return 1"),
    "undoHold": ("script", "python", "return 1 // 0"),
    "broken": ("script", "javascript", "const o = null\nreturn o.x"),
    "sold": ("script", "python", "_meta.cmp.refuse('sold out', 'SOLD_OUT')"),
    "flaky": (
        "script",
        "javascript",
        "defaultContext.add('tries', 1)\nthrow new RangeError('again')",
    ),
    "say": ("script", "python", "return 'old'"),
    "finish": ("script", "javascript", "_meta.cmp.setIsEnd(true); return 'over'"),
    "rate": ("script", "groovy", "return defaultContext.getData('x')"),
    "torn": ("script", "python", "return (("),
    "lua": ("script", "lua", "return 1"),
}
REQUEST: Final[dict[str, Any]] = {
    "lines": [
        {"item": "pen", "price": 2, "quantity": 5},
        {"item": "ink", "price": 20, "quantity": 2},
    ]
}


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("scripts")
    place = new_place(home, temporal_server.address, jvm_worker=True, script_timeout=20)
    load(place.settings, [ChainRow(tenant="", name=n, text=text) for n, text in CHAINS.items()])
    engine = create_engine_for(place.settings.database_url, "tests")
    for id, (type, language, text) in SCRIPTS.items():
        put_script(engine, "0", id, text, type=type, language=language)
    put_script(engine, "acme", "say", "return 'ours'")
    put_script(engine, "acme", "secret", "return 'ours'")
    load(place.settings, [ChainRow(tenant="", name="thief", text="THEN(secret);")])
    engine.dispose()
    with environment_of(place):
        yield place


@pytest.fixture
def database(place: Place) -> Iterator[Engine]:
    engine = create_engine_for(place.settings.database_url, "tests")
    yield engine
    engine.dispose()


pytestmark = pytest.mark.usefixtures("worker")


async def test_every_kind_in_every_language(api: Api, id: str) -> None:
    context = {"total": 50, "dear": ["ink"], "count": 9, "which": "many"}
    answer = await api.http.post("/api/execute/every", json=REQUEST)
    memory = answer.json()
    assert (memory["success"], memory["context"]) == (True, context), memory["message"]
    answer = await api.execute("every", REQUEST, execution_id=id)
    assert answer.status_code == 200, answer.text
    view = await api.ended(id)
    assert view["context"] == context
    durable = [(e["path"], e["component"], e["status"]) for e in view["executionStack"]]
    assert durable == [
        (e["path"], e["component"], e["status"]) for e in memory["execution"]["stack"]
    ]


async def test_scripts_undo_scripts(api: Api, id: str) -> None:
    policy = {"version": 0, "retry": {"attempts": 1}}
    answer = await api.http.put("/api/components/undoHold/metadata", json=policy)
    assert answer.status_code == 200, answer.text
    answer = await api.execute("undone", {}, execution_id=id, undo_policy="continue")
    assert answer.status_code in (202, 422), answer.text
    assert answer.json()["status"] == "COMPENSATION_BLOCKED"
    decision = {"operator": "ann", "reason": "nothing is held"}
    answer = await api.http.post(f"/api/saga/executions/{id}/skip", json=decision)
    assert answer.status_code == 200, answer.text
    view = await api.ended(id)
    assert (view["status"], view["failed_step"]) == ("PARTIALLY_COMPENSATED", "broken")
    assert only(view["error"], "code", "type") == {"code": "SCRIPT_FAILED", "type": "TypeError"}
    assert view["error"]["details"] == {"language": "javascript", "line": 2}
    stack = {entry["component"]: entry for entry in view["executionStack"]}
    assert stack["book"]["status"] == "COMPENSATED"
    assert stack["hold"]["status"] == "COMPENSATION_SKIPPED"
    assert stack["hold"]["undo_error"]["message"].startswith("script 'undoHold', line 1: ")
    # Nothing undoes it, so there is nothing that it could have left.
    assert stack["broken"]["status"] == "UNKNOWN"


async def test_metadata_of_a_script(api: Api) -> None:
    acme = {"X-Tenant-Id": "acme"}
    before = await api.json("/api/components/hold/metadata", "acme")
    assert only(before, "compensate", "compensation_source", "read_only") == {
        "compensate": "undoHold",
        "compensation_source": "inferred",
        "read_only": False,
    }
    edit = {"version": 0, "compensate": "bookCompensate"}
    answer = await api.http.put("/api/components/say/metadata", json=edit, headers=acme)
    assert answer.status_code == 200, answer.text
    assert only(answer.json(), "compensate", "read_only") == {
        "compensate": "bookCompensate",
        "read_only": False,
    }
    listed = await api.json("/api/components", "acme")
    found = {one["component"]: one for one in listed["items"]}
    assert found["torn"]["problem"] == "line 1: '(' was never closed"
    assert "secret" in found
    answer = await api.get("/api/components/secret/metadata", "umbrella")
    assert answer.status_code == 404


async def test_a_refusal_leaves_nothing(api: Api, id: str) -> None:
    answer = await api.execute("refused", {}, execution_id=id)
    assert answer.status_code == 422
    view = await api.ended(id)
    assert (view["status"], view["error"]["code"]) == ("COMPENSATED", "SOLD_OUT")
    stack = {entry["component"]: entry["status"] for entry in view["executionStack"]}
    assert stack == {"book": "COMPENSATED", "sold": "FAILED"}


async def test_attempts_are_those_of_all_components(api: Api, id: str) -> None:
    answer = await api.execute("retried", {}, execution_id=id)
    assert answer.status_code == 422
    view = await api.ended(id)
    (flaky,) = view["executionStack"]
    assert (flaky["attempts"], view["context"]) == (3, {"tries": 1})


async def test_a_script_ends_the_flow(api: Api, id: str) -> None:
    answer = await api.execute("ends", {}, execution_id=id)
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    assert [e["component"] for e in (await api.ended(id))["executionStack"]] == ["finish"]


async def test_a_saga_keeps_its_version_of_a_script(
    api: Api, database: Engine, gate: Gate, id: str
) -> None:
    first = await api.execute("waits", gate.request(), execution_id=id, mode="async")
    assert first.status_code == 202, first.text
    await gate.entering()
    put_script(database, "1", "say", "return 'new'")
    # A chain that is unknown makes the API look for changes before their time.
    await api.execute("nowhere", {})
    gate.open()
    assert (await api.ended(id))["output"] == "old"
    answer = await api.execute("waits", {}, execution_id=f"{id}-2")
    assert answer.json()["status"] == "COMPLETED"
    assert (await api.ended(f"{id}-2"))["output"] == "new"


async def test_a_tenant_has_its_own_scripts(api: Api, id: str) -> None:
    answer = await api.execute("ends", {}, "acme", execution_id=id)
    assert answer.status_code == 200
    for tenant, output in (("acme", "ours"), ("umbrella", "old")):
        answer = await api.http.post("/api/execute/waits", json={}, headers={"X-Tenant-Id": tenant})
        assert answer.json()["output"] == output
    answer = await api.execute("thief", {}, "acme")
    assert answer.status_code == 200
    answer = await api.execute("thief", {}, "umbrella")
    assert answer.status_code == 422
    assert "there is no component and no chain 'secret'" in answer.text


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("unsound", "the script 'torn' cannot be used: line 1: '(' was never closed"),
        ("foreign", "the script 'lua' cannot be used: there is no engine for 'lua'"),
    ],
)
async def test_what_cannot_be_used_is_told_at_the_start(api: Api, chain: str, words: str) -> None:
    answer = await api.execute(chain, {})
    assert (answer.status_code, answer.json()["code"]) == (422, "CHAIN_INVALID")
    assert words in answer.text


@pytest.fixture
async def jvm(place: Place, temporal: Client) -> AsyncIterator[list[StepRequest]]:
    """Stands for a JVM worker: answers by the contract, and keeps what it was asked."""
    asked: list[StepRequest] = []

    @activity.defn(dynamic=True)
    async def script(given: Sequence[RawValue]) -> StepReply:
        converter = activity.payload_converter()
        asked.append(converter.from_payload(given[0].payload, StepRequest))
        assert activity.info().activity_type == "rate"
        written = ContextOperation(op="set", key="rate", value=3)
        return StepReply(output=3, operations=(written,))

    queue = f"{place.settings.task_queue}-jvm"
    async with Worker(temporal, task_queue=queue, activities=[script]):
        yield asked


async def test_jvm_languages_go_to_their_own_worker(
    api: Api, jvm: list[StepRequest], id: str
) -> None:
    answer = await api.execute("onJvm", {}, "umbrella", execution_id=id)
    assert answer.status_code == 200, answer.text
    (asked,) = jvm
    assert asked.script is not None
    assert (asked.script.language, asked.script.kind) == ("groovy", "common")
    assert (asked.script.text, asked.path) == (SCRIPTS["rate"][2], "0.0")
    view = await api.ended(id, "umbrella")
    assert view["context"] == {"rate": 3}


async def test_in_memory_there_are_no_jvm_languages(api: Api) -> None:
    answer = (await api.http.post("/api/execute/onJvm", json={})).json()
    assert (answer["success"], answer["code"]) == (False, "ENGINE_DOWN")
