"""`make demo` as a process: what it shows, and that nothing of it stays."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities.components.shop import shop_engine
from dev.processes import running, wait_until
from dev.samples import Shelf, shelf
from dev.stack import ROOT
from dev.temporal_server import HOST
from dev.tools import temporal_binary

LIMIT = 60.0


@dataclass(frozen=True)
class Demo:
    """A finished demo."""

    home: Path
    exit_code: int
    said: str

    def order(self, title: str) -> str:
        """The part of the output that tells of one order."""
        return self.said.partition(f"== {title}\n")[2].partition("\n==")[0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo") / "home of its own"
    log = home.parent / "demo.log"
    environment = {**os.environ, "CHAINSAGA_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = (sys.executable, "-m", "dev.demo")
    with running(command, name="the demo", log=log, env=environment, cwd=ROOT) as child:
        exit_code = child.wait(LIMIT)
    return Demo(home, exit_code, log.read_text())


def test_it_succeeds(demo: Demo) -> None:
    assert demo.exit_code == 0, demo.said
    assert re.search(r"\nDemo done in \d+ s\.\n$", demo.said)
    assert "Traceback" not in demo.said


TIMELINES = [
    (
        "An order that succeeds",
        "200 COMPLETED",
        ["createOrder done", "deductStock done", "freezeCoupon done", "pay done", "notify done"],
        [],
    ),
    (
        "An order whose payment is declined",
        "422 COMPENSATED",
        ["createOrder done", "deductStock done", "freezeCoupon done", "pay REFUSED"],
        [
            "createOrder undone by deleteOrder",
            "deductStock undone by restoreStock",
            "freezeCoupon undone by unfreezeCoupon",
        ],
    ),
    (
        "An order that waits for a person: declined, and paid in cash",
        "202 WAITING_DECISION",
        ["createOrder done", "deductStock done", "freezeCoupon done", "pay REFUSED", "notify done"],
        [],
    ),
]


@pytest.mark.parametrize(("title", "answer", "forward", "undone"), TIMELINES)
def test_timelines(
    demo: Demo, title: str, answer: str, forward: list[str], undone: list[str]
) -> None:
    told = demo.order(title)
    assert f"POST /api/saga/execute -> {answer}\n" in told
    lines = re.findall(r"^ +(\d+\.\d{3}) s  (.+)$", told, re.MULTILINE)
    words = [" ".join(line.split()) for _, line in lines]
    assert sorted(words[: len(forward)]) == sorted(forward)
    assert words[0] == forward[0]
    assert sorted(words[len(forward) :]) == undone
    times = [float(at) for at, _ in lines]
    assert times == sorted(times)
    assert times[-1] < LIMIT
    assert "Temporal Web UI: http://127.0.0.1:" in told


def test_the_shop_is_as_it_should_be(demo: Demo) -> None:
    good, declined, decided = (demo.order(title) for title, *_ in TIMELINES)
    for told, before, after in (
        (good, Shelf(10, "free", 0), Shelf(8, "free", 3000)),
        (declined, Shelf(8, "free", 3000), Shelf(8, "free", 3000)),
        (decided, Shelf(8, "free", 3000), Shelf(7, "frozen", 3000)),
    ):
        assert f"before: {before}\n" in told
        assert f"after:  {after}\n" in told
    assert "failed step pay: the card was declined" in declined
    engine = shop_engine(f"sqlite:///{demo.home}/demo/shop.db")
    assert shelf(engine) == Shelf(7, "frozen", 3000)
    assert "ann decided: skip, paid in cash: accepted" in decided
    assert "the saga is COMPLETED" in decided
    engine.dispose()


def processes_with(words: str) -> list[str]:
    """The command lines of running processes that name something in their words or settings."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:  # it ended while we looked, or is another user's
            continue
        if command and words in command + environment:
            found.append(command)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_none_of_its_processes_stays(demo: Demo) -> None:
    assert processes_with(str(demo.home)) == []
    mark = {**os.environ, "MARK": str(demo.home)}
    command = (sys.executable, "-c", "input()")
    with subprocess.Popen(command, env=mark, stdin=subprocess.PIPE) as seen:
        assert wait_until(lambda: processes_with(str(demo.home)), 10, "this one to be found")
        seen.communicate(b"\n")


def test_none_of_its_ports_stays_open(demo: Demo) -> None:
    running_at = next(line for line in demo.said.splitlines() if line.startswith("Running: "))
    ports = re.findall(r"http://127\.0\.0\.1:(\d+)", running_at)
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError), socket.create_connection((HOST, int(port))):
            pass


def test_what_it_prints_fits_make_up(demo: Demo) -> None:
    """The commands are for `make up`, which takes the ports that are kept for it."""
    link = demo.home / "bin" / "temporal"
    assert f"'{link}' workflow show " in demo.said
    assert link.resolve() == temporal_binary().resolve()
    kept = (demo.home / "up" / "ports.json").read_text()
    for port in re.findall(r"--address 127\.0\.0\.1:(\d+)", demo.said):
        assert f'"temporal": {port}' in kept
