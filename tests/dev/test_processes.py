"""Child processes: logs, early death, stopping, and not outliving their parent."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.processes import ChildDiedError, free_port, log_tail, running, start, wait_until

READY_THEN_IDLE = "import signal; print('ready', flush=True); signal.pause()"
DEAF = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True)\nwhile True: signal.pause()"
)
POLITE = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
    "print('ready', flush=True); signal.pause()"
)


def python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def says(log: Path, words: str) -> Callable[[], bool]:
    return lambda: log.exists() and words in log.read_text()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # in a container nobody may collect an orphan that has ended


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [
        pytest.param(READY_THEN_IDLE, -signal.SIGTERM, id="ends on SIGTERM"),
        pytest.param(POLITE, 7, id="handles SIGTERM"),
        pytest.param(DEAF, -signal.SIGKILL, id="ignores SIGTERM"),
    ],
)
def test_stop(tmp_path: Path, source: str, exit_code: int) -> None:
    child = start(python(source), name="child", log=tmp_path / "child.log")
    wait_until(says(child.log, "ready"), 20, "the child", child=child)
    assert child.exit_code is None
    assert child.stop(limit=0.5) == exit_code
    assert child.stop() == exit_code, "a second stop changes nothing"


def test_running_stops_on_an_exception(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyError),
        running(python(READY_THEN_IDLE), name="child", log=tmp_path / "child.log") as child,
    ):
        raise KeyError
    assert child.exit_code is not None


def test_the_pid_is_the_programs_own(tmp_path: Path) -> None:
    source = "import os, signal; print('pid', os.getpid(), flush=True); signal.pause()"
    with running(python(source), name="child", log=tmp_path / "child.log") as child:
        wait_until(says(child.log, f"pid {child.pid}\n"), 20, "its pid", child=child)


@pytest.mark.parametrize(
    ("command", "exit_code", "in_message"),
    [
        pytest.param(python("raise SystemExit('out of luck')"), 1, "out of luck", id="its words"),
        pytest.param(python("raise SystemExit(3)"), 3, "the log is empty", id="no words"),
        pytest.param(("no-such-program",), 1, "cannot run no-such-program", id="not there"),
    ],
)
def test_early_death_ends_the_wait(
    tmp_path: Path, command: tuple[str, ...], exit_code: int, in_message: str
) -> None:
    log = tmp_path / "child.log"
    with (
        running(command, name="the server", log=log) as child,
        pytest.raises(ChildDiedError, match=in_message) as caught,
    ):
        wait_until(lambda: False, 20, "the server", child=child)
    assert caught.value.exit_code == exit_code
    assert "the server ended with exit code" in str(caught.value)


def test_wait_until_returns_the_value_and_names_what_it_waited_for() -> None:
    values = iter([None, "", "there"])
    assert wait_until(lambda: next(values), 5, "a value") == "there"
    with pytest.raises(TimeoutError, match=r"waited 0\.05 s for the moon, in vain"):
        wait_until(lambda: False, 0.05, "the moon")


def test_a_timeout_shows_the_log(tmp_path: Path) -> None:
    with running(python(READY_THEN_IDLE), name="child", log=tmp_path / "child.log") as child:
        wait_until(says(child.log, "ready"), 20, "the child", child=child)
        with pytest.raises(TimeoutError, match="ready"):
            wait_until(lambda: False, 0.05, "more", child=child)
        with pytest.raises(TimeoutError, match="child was still running"):
            child.wait(0.01)


def test_log_tail(tmp_path: Path) -> None:
    log = tmp_path / "some.log"
    assert log_tail(log) == "(no log was written)"
    log.write_bytes(b"one\ntwo\n\xff three\n")
    assert log_tail(log, lines=2) == "two\n\N{REPLACEMENT CHARACTER} three"


def test_free_port_can_be_bound() -> None:
    with socket.create_server(("127.0.0.1", free_port())):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's own")
def test_children_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    pids, log = tmp_path / "pids", tmp_path / "grandchild.log"
    source = f"""
import signal, sys
from pathlib import Path
from dev.processes import start
child = start((sys.executable, "-c", {DEAF!r}), name="grandchild", log=Path({str(log)!r}))
Path({str(pids)!r}).write_text(str(child.pid))
signal.pause()
"""
    with running(python(source), name="parent", log=tmp_path / "parent.log") as parent:
        wait_until(says(log, "ready"), 20, "the grandchild", child=parent)
        grandchild = int(pids.read_text())
        assert is_running(grandchild)
        parent.kill()
        wait_until(lambda: not is_running(grandchild), 20, "the grandchild's end")
    assert grandchild != os.getpid()
