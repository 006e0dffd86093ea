"""What the documentation tells a reader to type is typed, in order, and answers as it says."""

import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from dev.processes import ChildProcess, free_port, wait_until
from dev.samples import prepare
from dev.stack import ROOT, product_environment, product_process
from dev.temporal_server import HOST, DevServer
from dev.tools import temporal_binary
from tests.docs.markdown import README, Block, blocks

COMPONENTS = ROOT / "docs" / "components.md"
TASK_QUEUE = "chainsaga-docs"
READY_SECONDS = 60.0
KNOWN_SECONDS = 10.0
COMMAND_SECONDS = 60.0
MAKE = "make demo"
PROBLEMS = ("_UNKNOWN", "NOT_FOUND", "_INVALID", "_UNAVAILABLE", "INTERNAL")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who follows the README in a folder of their own, beside a running product."""

    folder: Path
    api_url: str
    environment: dict[str, str]
    substitutes: dict[str, str]

    def types(self, command: str) -> str:
        """Run a block of commands and give what was printed."""
        for told, real in self.substitutes.items():
            command = command.replace(told, real)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def inserts(self, statements: str) -> None:
        """Run SQL, and wait for the moment from which the API looks for new chains again."""
        with closing(sqlite3.connect(self.folder / "chainsaga.db")) as database:
            database.executescript(statements)
        wait_until(self._knows_the_trip, KNOWN_SECONDS, "the API to know the new chain")

    def _knows_the_trip(self) -> bool:
        # A request that no component accepts, so that nothing happens.
        url = f"{self.api_url}/api/execute/bookTrip"
        return httpx2.post(url, json=[], timeout=5, trust_env=False).is_success


@pytest.fixture
def reader(temporal_server: DevServer, tmp_path: Path) -> Iterator[Reader]:
    """The product runs as `make up` runs it, with the README's components and chain file."""
    prepare(tmp_path).dispose()
    (tmp_path / "trains.py").write_text(only(README, "python").text)
    (tmp_path / "bookTrip.el").write_text(only(README, "el").text)
    port = free_port()
    settings = product_environment(
        tmp_path, temporal_server.address, temporal_server.ui_url, port
    ) | {
        "CHAINSAGA_COMPONENTS": "activities.components,trains",
        "CHAINSAGA_TASK_QUEUE": TASK_QUEUE,
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path))),
        "TRAINS_URL": f"sqlite:///{tmp_path}/trains.db",
        "NO_PROXY": HOST,
    }
    url = f"http://{HOST}:{port}"
    command = shlex.join([sys.executable, "-m", "api.cli.main"])
    substitutes = {
        f"http://{HOST}:8000": url,
        ".chainsaga/bin/temporal": shlex.quote(str(temporal_binary())),
        ".venv/bin/chainsaga check": f"{command} check --components activities.components,trains",
        "sqlite:///.chainsaga/up/": f"sqlite:///{tmp_path}/",
        ".venv/bin/chainsaga import ": f"{command} import {ROOT}/",
        "--task-queue chainsaga": f"--task-queue {TASK_QUEUE}",
    }
    with ExitStack() as parts:
        worker = parts.enter_context(product_process("worker", tmp_path, settings))
        api = parts.enter_context(product_process("api", tmp_path, settings))
        wait_until(lambda: _ready(url), READY_SECONDS, "the API", child=api)
        wait_until(lambda: _working(worker), READY_SECONDS, "the worker", child=worker)
        yield Reader(tmp_path, url, settings, substitutes)


def test_the_readme_runs_from_top_to_bottom(reader: Reader) -> None:
    commands = [block for block in blocks(README, "sh") if not block.text.startswith(MAKE)]
    inserts = blocks(README, "sql")
    assert commands
    for block in sorted([*commands, *inserts], key=lambda block: block.line):
        if block.language == "sql":
            reader.inserts(block.text)
        else:
            check(block, reader.types(block.text))
    with closing(sqlite3.connect(reader.folder / "trains.db")) as database:
        assert database.execute("SELECT free FROM train").fetchall() == [(4,)]


def test_the_authors_guide_runs(tmp_path: Path) -> None:
    (tmp_path / "trains.py").write_text(only(README, "python").text)
    examples = blocks(COMPONENTS, "python")
    assert examples
    (tmp_path / "test_trains.py").write_text("\n\n".join(block.text for block in examples))
    path = os.pathsep.join((str(ROOT), str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_trains.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.parametrize(
    "block", [*blocks(README, "python"), *blocks(COMPONENTS, "python")], ids=str
)
def test_examples_are_written_in_the_projects_style(block: Block) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--diff",
            "--config",
            ROOT / "pyproject.toml",
            "-",
        ],
        input=block.text,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def check(block: Block, printed: str) -> None:
    """What was printed holds the answer's pieces in their order; `…` stands for anything."""
    assert printed, block
    if block.answer is None:
        assert not any(problem in printed for problem in PROBLEMS), f"{block}: {printed}"
        return
    at = 0
    for piece in block.answer.strip().split("…"):
        at = printed.find(piece, at)
        assert at >= 0, f"{block}: no {piece!r} in {printed}"
        at += len(piece)


def only(page: Path, language: str) -> Block:
    """The page's one block of a language."""
    (block,) = blocks(page, language)
    return block


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/ready", timeout=5, trust_env=False).is_success
    except httpx2.TransportError:
        return False


def _working(worker: ChildProcess) -> bool:
    return "worker ready" in worker.log.read_text()
