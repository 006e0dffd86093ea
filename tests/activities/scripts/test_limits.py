"""What scripts cannot do, whatever they try; and that the next script finds a well engine."""

import asyncio
import platform
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.errors import EngineDown
from activities.runner import StepError
from activities.scripts.engine import ScriptEngines
from activities.scripts.inside.confinement import Confinement, Unconfined
from activities.scripts.inside.python import MODULES
from activities.scripts.process import EngineProcess, Ticket
from rules.plan import Kind
from rules.wire import ScriptCall, StepReply, StepRequest
from tests.activities.scripts.golden import answered
from tests.activities.steps import request


def asks(
    language: str, text: str, *, timeout: float = 10, kind: Kind = "common", given: str = ""
) -> StepRequest:
    call = ScriptCall(kind=kind, language=language, text=text, sha="x")
    asked = request(given, component="price", timeout=timeout)
    return asked.model_copy(update={"script": call})


# Language, text, the failure's code, and a word of its message.
MEMORY = [
    ("python", "a = []\nwhile True:\n    a.append(bytearray(1 << 20))", "SCRIPT_MEMORY", "memory"),
    ("python", "return len([0] * 10**10)", "SCRIPT_MEMORY", "memory"),
    ("javascript", "let a = []; while (true) a.push(new Array(1000).fill(1))", "SCRIPT_MEMORY", ""),
    (
        "javascript",
        "let a = []; while (true) a.push(['y'.repeat(9e4) + a.length].join())",
        None,
        "",
    ),
    (
        "javascript",
        "let a = []; while (true) a.push(new Uint8Array(1e7).fill(1))",
        "SCRIPT_FAILED",
        "allocation failed",
    ),
]
TIME = [
    ("python", "while True:\n    pass", "common"),
    ("python", "import time\ntime.sleep(60)", "common"),
    ("python", "return 10 ** 10 ** 10", "common"),
    ("javascript", "while (true) {}", "common"),
    ("javascript", "return /(a+)+$/.test('a'.repeat(60) + 'b')", "common"),
    (
        "cel",
        f"{'[1,2,3,4,5,6,7,8,9].all(x, ' * 9}true{')' * 9}",
        "boolean",
    ),
]
OUTPUT = [
    ("python", "return 'x' * (5 << 20)"),
    ("python", "return list(range(10**6))"),
    ("javascript", "return 'x'.repeat(5 << 20)"),
]
# Python alone can ask the system for anything: JavaScript and CEL have no words for it.
REACH = [
    ("files", "return open('/etc/passwd').read()"),
    ("making files", "open('/tmp/chainsaga-script', 'w')"),
    ("names of files", "import os\nreturn os.listdir('/')"),
    ("removing files", "import os\nos.unlink(_meta.requestData)"),
    ("a fork", "import os\nos.fork()"),
    ("many forks", "import os\nwhile True:\n    os.fork()"),
    ("programs", "import os\nos.execv('/bin/true', ['true'])"),
    ("a shell", "import os\nassert os.system('true') == 0"),
    ("signals", "import os\nos.kill(os.getppid(), 9)"),
    ("a group's signals", "import os\nos.killpg(0, 9)"),
    ("a session of its own", "import os\nos.setsid()"),
    ("limits", "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))"),
    ("sockets", "import _socket\n_socket.socket()"),
    ("modules", "import subprocess"),
    ("C", "import ctypes.util\nctypes.CDLL('libc.so.6').system(b'true')"),
]
WELL: dict[str, tuple[str, Kind]] = {
    "python": ("return 2", "common"),
    "javascript": ("return 2", "common"),
    "cel": ("1 + 1 == 2", "boolean"),
}


async def well(engines: ScriptEngines, language: str) -> bool:
    text, kind = WELL[language]
    return isinstance(await answered(engines, asks(language, text, kind=kind)), StepReply)


@pytest.mark.parametrize(("language", "text", "code", "words"), MEMORY)
async def test_memory_ends(
    engines: ScriptEngines, language: str, text: str, code: str | None, words: str
) -> None:
    failed = await answered(engines, asks(language, text))
    assert isinstance(failed, StepError)
    assert failed.failure.error.code in ([code] if code else ["SCRIPT_MEMORY", "SCRIPT_FAILED"])
    assert words in failed.failure.error.message
    assert await well(engines, language)


@pytest.mark.parametrize(("language", "text", "kind"), TIME)
async def test_time_ends(engines: ScriptEngines, language: str, text: str, kind: Kind) -> None:
    failed = await answered(engines, asks(language, text, timeout=0.5, kind=kind))
    assert isinstance(failed, StepError)
    assert failed.failure.error.code == "SCRIPT_TIMEOUT"
    assert failed.failure.outcome == "UNKNOWN"
    assert await well(engines, language)


@pytest.mark.parametrize(("language", "text"), OUTPUT)
async def test_answers_end(engines: ScriptEngines, language: str, text: str) -> None:
    failed = await answered(engines, asks(language, text))
    assert isinstance(failed, StepError)
    assert failed.failure.error.code == "OUTPUT_TOO_LARGE"
    assert await well(engines, language)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o777)
    path = tmp_path / "kept"
    path.write_text("kept")
    path.chmod(0o666)
    yield path
    assert path.read_text() == "kept"


CONFINED = sys.platform == "linux"


@pytest.mark.parametrize(("what", "text"), REACH if CONFINED else [], ids=lambda part: part[:20])
async def test_nothing_else_is_reached(
    engines: ScriptEngines, file: Path, what: str, text: str
) -> None:
    failed = await answered(engines, asks("python", text, given=str(file)))
    assert isinstance(failed, StepError), what
    assert failed.failure.error.type in (
        "PermissionError",
        "ImportError",
        "AssertionError",
        "ValueError",
    )
    assert await well(engines, "python")


async def test_the_environment_is_empty_and_root_is_given_up(engines: ScriptEngines) -> None:
    text = "import os\nreturn [sorted(os.environ), os.getuid() == 0, os.getcwd()]"
    reply = await answered(engines, asks("python", text))
    assert isinstance(reply, StepReply)
    assert reply.output == [["LANG", "TZ"], False, "/"]


async def test_no_connection_is_made(engines: ScriptEngines) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        text = f"import socket\nsocket.create_connection(('127.0.0.1', {port}))"
        assert isinstance(await answered(engines, asks("python", text)), StepError)
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_a_process_that_ends_itself_has_crashed(engines: ScriptEngines) -> None:
    failed = await answered(engines, asks("python", "import os\nos._exit(3)"))
    assert isinstance(failed, StepError)
    assert failed.failure.error.code == "SCRIPT_CRASHED"
    assert await well(engines, "python")


@pytest.mark.parametrize(
    ("language", "leave", "look"),
    [
        ("python", "global left\nleft = 1", "return 'left' in globals()"),
        ("python", "import math\nmath.left = 1", "import math\nreturn hasattr(math, 'left')"),
        ("javascript", "globalThis.left = 1", "return 'left' in globalThis"),
        ("javascript", "Array.prototype.left = 1", "return [].left === 1"),
    ],
)
async def test_nothing_is_left_for_the_next_script(
    engines: ScriptEngines, language: str, leave: str, look: str
) -> None:
    assert isinstance(await answered(engines, asks(language, leave)), StepReply)
    reply = await answered(engines, asks(language, look))
    assert isinstance(reply, StepReply)
    assert reply.output is False


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_who_is_cancelled_has_stopped_it(engines: ScriptEngines, language: str) -> None:
    text = {"python": "while True:\n    pass", "javascript": "while (true) {}"}[language]
    task = asyncio.create_task(answered(engines, asks(language, text)))
    await asyncio.wait([task], timeout=0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # There is one process: if it still ran, this would wait until the time limit.
    async with asyncio.timeout(8):
        assert await well(engines, language)


async def test_every_module_that_is_offered_can_be_imported(engines: ScriptEngines) -> None:
    names = [module.__name__ for module in MODULES]
    text = "\n".join(f"import {name}" for name in names)
    reply = await answered(engines, asks("python", f"{text}\nreturn {len(names)}"))
    assert isinstance(reply, StepReply), reply


CHECKED: list[tuple[str, Kind, str, str | None]] = [
    ("python", "common", "return 1", None),
    ("python", "common", "", None),
    ("python", "common", "x = 1\nprint 'x'", "line 2: Missing parentheses"),
    ("python", "common", "def f(:\n  pass", "line 1: "),
    ("javascript", "common", "return 1", None),
    ("javascript", "common", "let a\nlet a", "line 2: Identifier 'a' has already"),
    ("javascript", "common", "}", "Unexpected token"),
    ("cel", "boolean", "_meta.tag == 'x'", None),
    ("cel", "boolean", "a >\n\n", "line 3: Syntax error"),
    ("cel", "common", "1", "for conditions"),
]


@pytest.mark.parametrize(("language", "kind", "text", "found"), CHECKED)
def test_what_is_wrong_with_a_text(
    engines: ScriptEngines, language: str, kind: Kind, text: str, found: str | None
) -> None:
    problem = engines.problem(language, kind, text)
    assert (problem is None) == (found is None), problem
    assert found is None or (problem is not None and found in problem)


def test_an_engine_that_does_not_start_is_down() -> None:
    process = EngineProcess("none", 64 << 20)
    with pytest.raises(EngineDown, match="the engine for none does not start"):
        process.ask({}, 1, Ticket())
    process.close()


def test_where_nothing_can_be_confined_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    with pytest.raises(Unconfined, match="pdp11"):
        Confinement()
    monkeypatch.setattr(sys, "platform", "darwin")
    Confinement()


def test_an_engine_is_started_anew_when_it_has_ended() -> None:
    process = EngineProcess("cel", 64 << 20)
    assert process.ask({"check": "boolean", "text": "true"}, 10, Ticket()) == {"problem": None}
    process.kill()
    answer = process.ask({"check": "boolean", "text": "true"}, 10, Ticket())
    # The end may be seen by the question, or before it.
    assert "error" in answer or answer == {"problem": None}
    assert process.ask({"check": "boolean", "text": "true"}, 10, Ticket()) == {"problem": None}
    process.close()


def test_of_other_languages_nothing_is_said(engines: ScriptEngines) -> None:
    assert engines.problem("groovy", "common", "((") is None
