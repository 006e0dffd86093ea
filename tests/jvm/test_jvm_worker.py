"""Scripts in Groovy, QLExpress and Java, run by the JVM worker as a process, on Temporal."""

import signal
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

from rules.source.engine import create_engine_for
from tests.api.config.author import Author, refused
from tests.api.sites import BOOK, Api, Place, only
from tests.api.waiting import until
from tests.jvm.conftest import JvmWorker
from tests.jvm.scripts import DOCUMENTED
from tests.rules.source.script_rows import put_script

LIMIT: Final = 40.0
SIGTERM_EXIT: Final = 128 + signal.SIGTERM
REQUEST: Final[dict[str, Any]] = {
    "lines": [
        {"item": "pen", "price": 2, "quantity": 5},
        {"item": "ink", "price": 20, "quantity": 2},
    ]
}


FIRST: Final = {"CHAINSAGA_SCRIPT_TIMEOUT": "60", "CHAINSAGA_SHUTDOWN_GRACE": "0.5"}
ONE: Final = {"CHAINSAGA_SCRIPT_PROCESSES": "1"}
SECOND: Final = {"CHAINSAGA_SCRIPT_TIMEOUT": "60", **ONE}
BRISK: Final = {"CHAINSAGA_SCRIPT_TIMEOUT": "3", "CHAINSAGA_SCRIPT_MEMORY": "96", **ONE}

# How a worker is ended, the code that it ends with, and its successor.
ENDS: Final = {
    "stopped": (signal.SIGTERM, SIGTERM_EXIT, SECOND),
    "killed": (signal.SIGKILL, -signal.SIGKILL, BRISK),
}


@pytest.fixture(scope="module")
def worker(jvm: JvmWorker) -> None:
    """It runs for most tests, until one of them ends it."""
    jvm.start(**FIRST)


async def run(api: Api, chain: str, id: str, request: object = None) -> Any:
    """The detail of an execution that has ended."""
    answer = await api.execute(chain, request, execution_id=id, mode="async")
    assert answer.status_code == 202, answer.text
    return await api.ended(id, limit=LIMIT)


@pytest.fixture
def author(api: Api) -> Author:
    """Somebody who writes scripts for a tenant that has none."""
    return Author(api.http, f"t-{uuid4().hex[:12]}")


MADE: Final[dict[str, Any]] = {"name": "made", "type": "script", "language": "groovy"}


async def test_what_nobody_compiled_is_written_with_a_warning(
    api: Api, author: Author, id: str
) -> None:
    """Before there is a JVM worker; the other one works."""
    assert (await run(api, "placeOrder", id, BOOK))["status"] == "COMPLETED"
    fields = {**MADE, "code": "return ((", "publish": True}
    made = await author.done("POST", "components", fields)
    (warning,) = made["diagnostics"]
    assert only(warning, "severity", "category") == {"severity": "warning", "category": "unchecked"}
    assert "nobody who runs groovy has answered" in warning["message"]
    assert (made["status"], made["version"]) == ("PUBLISHED", 1)


WRONG: Final = [
    ("groovy", "def x = 1\nreturn ((x", 2),
    ("qlexpress", "x = 1;\ny = (x;", 2),
    ("java", "int x = 1;\nString y = x;", 2),
]


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(("language", "code", "line"), WRONG)
async def test_a_text_that_does_not_compile_is_refused(
    author: Author, language: str, code: str, line: int
) -> None:
    fields = {**MADE, "language": language, "code": code}
    answer = await author.send("POST", "components", fields)
    assert refused(answer) == (422, "CHAIN_INVALID")
    (found,) = answer.json()["details"]["diagnostics"]
    assert only(found, "category", "line") == {"category": "script", "line": line}
    assert refused(await author.send("GET", "components/made")) == (404, "COMPONENT_UNKNOWN")


@pytest.mark.usefixtures("worker")
async def test_each_change_of_a_text_is_compiled(author: Author) -> None:
    made = await author.done("POST", "components", {**MADE, "code": "return 1"})
    assert (made["diagnostics"], made["version"]) == ([], 1)
    path = "components/made"
    wrong = {"version": 1, "code": "return (("}
    assert refused(await author.send("PUT", path, wrong)) == (422, "CHAIN_INVALID")
    again = await author.done("PUT", path, {"version": 1, "code": "return 1"})
    assert (again["changed"], again["diagnostics"]) == (False, [])
    live = await author.done("POST", f"{path}/publish", {"version": 1})
    assert (live["status"], live["diagnostics"]) == ("PUBLISHED", [])


@pytest.mark.usefixtures("worker")
async def test_what_was_written_without_the_worker_is_compiled_when_it_goes_on(
    author: Author, place: Place
) -> None:
    engine = create_engine_for(place.settings.database_url, "tests")
    put_script(engine, author.tenant, "made", "return ((", language="groovy")
    engine.dispose()
    answer = await author.send("PUT", "components/made", {"version": 1, "title": "new"})
    assert refused(answer) == (422, "CHAIN_INVALID")


@pytest.mark.usefixtures("worker")
async def test_every_kind_in_every_language(api: Api, id: str) -> None:
    view = await run(api, "every", id, REQUEST)
    assert view["status"] == "COMPLETED", view["error"]
    assert view["context"] == {"total": 50, "dear": ["ink"], "count": 9, "which": "many"}
    assert view["output"] == {"by": "groovy", "of": "every", "at": 1.5}


@pytest.mark.usefixtures("worker")
async def test_the_scripts_of_the_page(api: Api, id: str) -> None:
    assert DOCUMENTED.keys() == {"price", "isLarge", "parcels", "carrier"}
    lines = [{"price": 400, "quantity": 2}, {"price": 300, "quantity": 1}]
    view = await run(api, "documented", id, {"lines": lines})
    assert view["context"] == {"total": 1100, "count": 2}
    assert view["output"] == "road"


@pytest.mark.usefixtures("worker")
async def test_a_failure_has_its_line_and_is_undone(api: Api, id: str) -> None:
    view = await run(api, "undone", id)
    assert (view["status"], view["failed_step"]) == ("PARTIALLY_COMPENSATED", "broken")
    assert only(view["error"], "code", "type", "details") == {
        "code": "SCRIPT_FAILED",
        "type": "IllegalStateException",
        "details": {"language": "groovy", "line": 3},
    }
    assert view["error"]["message"] == "script 'broken', line 3: no engine"
    assert view["context"] == {"begun": True}
    stack = {entry["component"]: entry["status"] for entry in view["executionStack"]}
    assert stack == {"book": "COMPENSATED", "broken": "UNKNOWN"}


@pytest.mark.usefixtures("worker")
async def test_a_refusal_leaves_nothing(api: Api, id: str) -> None:
    view = await run(api, "refused", id)
    assert (view["status"], view["error"]["code"]) == ("COMPENSATED", "SOLD_OUT")
    stack = {entry["component"]: entry["status"] for entry in view["executionStack"]}
    assert stack == {"book": "COMPENSATED", "sold": "FAILED"}


@pytest.mark.usefixtures("worker")
async def test_what_the_chain_gives(api: Api, id: str) -> None:
    view = await run(api, "bound", id)
    assert view["output"] == [7, "v", "t", "bound"]


@pytest.mark.usefixtures("worker")
async def test_a_script_ends_the_flow(api: Api, id: str) -> None:
    view = await run(api, "ends", id)
    assert view["status"] == "COMPLETED"
    assert [entry["component"] for entry in view["executionStack"]] == ["finish"]


@pytest.mark.usefixtures("worker")
async def test_steps_of_both_workers_share_a_context(api: Api, id: str) -> None:
    view = await run(api, "mixed", id)
    assert (view["status"], view["output"]) == ("COMPLETED", ["1", "2.5", "é"])


@pytest.mark.usefixtures("worker")
async def test_a_retry_goes_by_the_type(api: Api, id: str) -> None:
    view = await run(api, "retried", id)
    (flaky,) = view["executionStack"]
    assert (flaky["attempts"], flaky["error"]["type"]) == (1, "IllegalArgumentException")


@pytest.mark.usefixtures("worker")
async def test_what_does_not_compile_was_not_run(api: Api, id: str) -> None:
    view = await run(api, "untyped", id)
    (entry,) = view["executionStack"]
    assert (entry["status"], entry["error"]["code"]) == ("FAILED", "SCRIPT_INVALID")
    assert entry["error"]["details"] == {"language": "java", "line": 2}


async def test_without_the_worker_a_chain_says_so(api_without: Api) -> None:
    answer = await api_without.execute("refused", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "CHAIN_INVALID")
    assert "engine java has no worker in this deployment" in answer.text
    assert "engine qlexpress has no worker in this deployment" in answer.text


async def entered(gate: Path, times: int) -> None:
    """Wait until the script at the gate was begun so often."""

    async def look() -> bool | None:
        file = gate / "entered"
        return True if file.exists() and len(file.read_text()) >= times else None

    await until(look, LIMIT, f"attempt {times} at the gate")


@pytest.mark.usefixtures("worker")
async def test_a_cancelled_step_is_stopped(api: Api, id: str, tmp_path: Path) -> None:
    await api.execute("lasting", {"gate": str(tmp_path)}, execution_id=id, mode="async")
    await entered(tmp_path, 1)
    decision = {"operator": "ann", "reason": "enough", "in_flight": "cancel"}
    answer = await api.http.post(f"/api/saga/executions/{id}/compensate", json=decision)
    assert answer.is_success, answer.text
    view = await api.ended(id, limit=LIMIT)
    (entry,) = view["executionStack"]
    assert (entry["status"], entry["error"]["code"]) == ("UNKNOWN", "CANCELLED")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("how", ENDS)
async def test_a_worker_that_ends_leaves_the_step_to_another(
    api: Api, jvm: JvmWorker, id: str, tmp_path: Path, how: str
) -> None:
    end, code, successor = ENDS[how]
    await api.execute("lasting", {"gate": str(tmp_path)}, execution_id=id, mode="async")
    await entered(tmp_path, 1)
    assert jvm.end(end) == code
    jvm.start(**successor)
    await entered(tmp_path, 2)
    (tmp_path / "open").touch()
    view = await api.ended(id, limit=LIMIT)
    (entry,) = view["executionStack"]
    assert (entry["status"], entry["attempts"], view["output"]) == ("COMPLETED", 2, 2)


@pytest.mark.usefixtures("worker")
async def test_an_endless_loop_is_ended(api: Api, id: str) -> None:
    """By the brisk worker, which is the last one."""
    view = await run(api, "endless", id)
    assert (view["error"]["code"], view["failed_step"]) == ("SCRIPT_TIMEOUT", "endless")
    stack = {entry["component"]: entry["status"] for entry in view["executionStack"]}
    assert stack == {"book": "COMPENSATED", "endless": "UNKNOWN"}
