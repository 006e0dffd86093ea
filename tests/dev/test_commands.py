"""`make up` as a process: each command it prints does what it says; a restart loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dev.commands import Command, commands
from dev.places import HOME_VARIABLE
from dev.processes import ChildProcess, running, wait_until
from dev.stack import ROOT, Ports

START_LIMIT = 60.0
COMMAND_LIMIT = 30.0
COMMANDS = 6


@dataclass(frozen=True)
class Up:
    """A running `make up`."""

    home: Path
    process: ChildProcess

    @property
    def said(self) -> str:
        return self.process.log.read_text()

    @property
    def ports(self) -> Ports:
        return Ports(**json.loads((self.home / "up" / "ports.json").read_text()))

    @property
    def commands(self) -> list[Command]:
        return commands(self.ports, str(self.home / "bin" / "temporal"))

    def stop(self) -> int:
        """As Ctrl-C does it."""
        self.process.send(signal.SIGINT)
        return self.process.wait(20)


@contextmanager
def make_up(home: Path) -> Iterator[Up]:
    """Run `make up` with data in `home` until it says what to try."""
    log = home.with_suffix(f".{time.monotonic_ns()}.log")
    environment = {**os.environ, HOME_VARIABLE: str(home), "PYTHONUNBUFFERED": "1"}
    command = (sys.executable, "-m", "dev.up")
    with running(command, name="make up", log=log, env=environment, cwd=ROOT) as process:
        up = Up(home, process)
        wait_until(lambda: "Stop with Ctrl-C." in up.said, START_LIMIT, "make up", child=process)
        yield up


def typed(line: str) -> str:
    """What a shell in the folder of the checkout prints for a line."""
    done = subprocess.run(
        ("sh", "-c", line),
        cwd=ROOT,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def until_said(line: str, words: str) -> str:
    """As `typed`, again until the words come: Temporal's list is written behind its back."""
    said = ""

    def found() -> bool:
        nonlocal said
        said = typed(line)
        return words in said

    wait_until(found, 15, f"'{words}' from: {line}")
    return said


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "home"


@pytest.fixture(scope="module")
def printed(home: Path) -> list[str]:
    """What each printed command said when they were typed one after the other."""
    with make_up(home) as up:
        lines = [command.line for command in up.commands]
        for command in up.commands:
            assert f"  # {command.shows}\n  {command.line}\n" in up.said
        said = [
            until_said(line, "my-declined") if "workflow list" in line else typed(line)
            for line in lines
        ]
        api = f"http://127.0.0.1:{up.ports.api}/api/saga/executions"
        wait_until(lambda: _view(f"{api}/by-hand")["ended_at"], 15, "the saga by hand to end")
        assert up.stop() == 0
        assert "Stopped. The next `make up` goes on where this one ended." in up.said
    return said


def _view(url: str) -> Any:
    answer = httpx2.get(url, headers={"X-Tenant-Id": "1"}, trust_env=False)
    return answer.json() if answer.is_success else {"ended_at": None}


def test_there_are_as_many_as_are_tested_here(printed: list[str]) -> None:
    assert len(printed) == COMMANDS


def test_an_order_that_succeeds(printed: list[str]) -> None:
    said = json.loads(printed[0])
    assert (said["execution_id"], said["status"]) == ("my-first", "COMPLETED")


def test_an_order_whose_card_is_declined(printed: list[str]) -> None:
    said = json.loads(printed[1])
    assert (said["code"], said["step"]) == ("CARD_DECLINED", "pay")
    assert said["details"]["status"] == "COMPENSATED"


def test_what_happened_to_it(printed: list[str]) -> None:
    lines = json.loads(printed[2])["lines"]
    assert len(lines) == 14
    assert lines[-1]["component"] == "deleteOrder"


def test_what_was_compensated_in_temporals_list(printed: list[str]) -> None:
    assert "1:my-declined" in printed[3]
    assert "placeOrder" in printed[3]
    assert "1:my-first" not in printed[3]


@pytest.mark.parametrize(
    "words", ["WorkflowExecutionStarted", "ActivityTaskCompleted", "WorkflowExecutionFailed"]
)
def test_its_history(printed: list[str], words: str) -> None:
    assert words in printed[4]


def test_a_saga_started_by_hand(printed: list[str]) -> None:
    assert "1:by-hand" in printed[5]


@pytest.fixture(scope="module")
def again(printed: list[str], home: Path) -> Iterator[Up]:
    """Started once more where the commands were typed."""
    ports = json.loads((home / "up" / "ports.json").read_text())
    with make_up(home) as up:
        assert up.ports == Ports(**ports), "it listens where it listened before"
        yield up


def test_a_restart_loses_nothing(printed: list[str], again: Up) -> None:
    api = f"http://127.0.0.1:{again.ports.api}/api/saga"
    listed = _view(f"{api}/executions")["items"]
    assert {item["execution_id"]: item["status"] for item in listed} == {
        "my-first": "COMPLETED",
        "my-declined": "COMPENSATED",
        "by-hand": "COMPLETED",
    }
    compensated = next(c.line for c in again.commands if "workflow list" in c.line)
    until_said(compensated, "1:my-declined")
    # Known ids stay known: to the mirror, and to the workflow itself.
    assert typed(again.commands[0].line) == printed[0]
    strong = _view(f"{api}/executions/my-declined?consistency=strong")
    assert (strong["source"], strong["status"]) == ("workflow", "COMPENSATED")


def test_two_homes_do_not_meet_and_a_part_that_dies_ends_its_own(again: Up, tmp_path: Path) -> None:
    taken = set(asdict(again.ports).values())
    with make_up(tmp_path / "other") as other:
        assert taken.isdisjoint(asdict(other.ports).values())
        there = f"http://127.0.0.1:{other.ports.api}/api/saga/executions"
        assert _view(there)["items"] == []
        os.kill(_worker_of(other.process.pid), signal.SIGKILL)
        assert other.process.wait(20) == 1
        assert "chainsaga worker ended with exit code -9" in other.said, other.said
    assert again.process.exit_code is None


def _worker_of(parent: int) -> int:
    """The process id of the worker that a `make up` has started."""
    listed = typed(f"ps -o pid= -o args= --ppid {parent}").splitlines()
    (worker,) = (line for line in listed if line.endswith("api.cli.main worker"))
    return int(worker.split()[0])
