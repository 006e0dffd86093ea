"""Child processes for the launchers and the tests: start, watch, stop.

For `dev.temporal_server`, the demo and test fixtures. A child writes to a log file of its own, is
stopped by its pid, and does not outlive the process that started it. Knows nothing of Temporal,
databases or the product.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

LOG_TAIL_LINES: Final = 30
STOP_LIMIT: Final = 15.0
_POLL_INTERVAL: Final = 0.02

# Runs between fork and the real program. The death signal is set here and not in a `preexec_fn`,
# which is unsafe once the parent has threads (the Temporal SDK starts some) and warned about since
# Python 3.12. The pid comparison closes the gap in which the parent dies before the signal is set.
_LAUNCHER: Final = """
import os, sys
parent, command = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    import ctypes, signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 = PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit("the parent process is gone")
try:
    os.execvp(command[0], command)
except OSError as error:
    sys.exit(f"cannot run {command[0]}: {error.strerror}")
"""


class ChildDiedError(RuntimeError):
    """A child process ended although it should still be running."""

    def __init__(self, child: "ChildProcess", exit_code: int) -> None:
        """Keep the child and its exit code, and put the end of its log into the message."""
        self.child = child
        self.exit_code = exit_code
        super().__init__(
            f"{child.name} ended with exit code {exit_code}. The end of {child.log}:\n"
            f"{log_tail(child.log)}"
        )


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """A program that we started, known by its pid."""

    name: str
    log: Path
    command: tuple[str, ...]
    _popen: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        """The process id of the program itself (the launcher replaces itself by it)."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._popen.poll()

    def check_alive(self) -> None:
        """Raise ChildDiedError, with the end of the log, if the child has ended."""
        exit_code = self.exit_code
        if exit_code is not None:
            raise ChildDiedError(self, exit_code)

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal; does nothing when the child has already ended."""
        self._popen.send_signal(signal_number)

    def wait(self, limit: float) -> int:
        """Wait for the end and return the exit code; TimeoutError after `limit` seconds."""
        try:
            return self._popen.wait(limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} was still running after {limit:g} s") from None

    def stop(self, limit: float = STOP_LIMIT) -> int:
        """Ask the child to end, force it after `limit` seconds, and return its exit code."""
        self.send(signal.SIGTERM)
        try:
            return self.wait(limit)
        except TimeoutError:
            return self.kill()

    def kill(self) -> int:
        """End the child at once, as a crash would, and return its exit code."""
        self.send(signal.SIGKILL)
        return self._popen.wait()


def start(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> ChildProcess:
    """Start a program whose output is appended to `log`; `env=None` inherits the environment.

    On Linux the kernel kills the child when the thread that called this ends, so call it from the
    main thread, and start a server itself rather than a wrapper script around it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = tuple(os.fspath(word) for word in command)
    # -I -S: the launcher needs nothing from the user's site or environment, and starts faster.
    launcher = (sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()))
    with log.open("ab") as output:
        popen = subprocess.Popen(
            (*launcher, *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            # Ctrl-C in a terminal reaches the parent only, which then stops its children in order.
            start_new_session=True,
        )
    return ChildProcess(name=name, log=log, command=words, _popen=popen)


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[ChildProcess]:
    """Run a program for the length of a `with` block; it is stopped on every way out."""
    child = start(command, name=name, log=log, env=env, cwd=cwd)
    try:
        yield child
    finally:
        child.stop()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    condition: Callable[[], T | None], limit: float, what: str, *, child: ChildProcess | None = None
) -> T:
    """Poll until `condition()` is true and return its value; TimeoutError after `limit` seconds.

    With `child`, its early death ends the wait at once with the end of its log.
    """
    deadline = time.monotonic() + limit
    while not (value := condition()):
        if child is not None:
            child.check_alive()
        if time.monotonic() >= deadline:
            raise TimeoutError(_timeout_message(limit, what, child))
        time.sleep(_POLL_INTERVAL)
    return value


def log_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Return the last lines of a log file, or words that say there is nothing in it."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log was written)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def _timeout_message(limit: float, what: str, child: ChildProcess | None) -> str:
    message = f"waited {limit:g} s for {what}, in vain"
    if child is None:
        return message
    return f"{message}. The end of {child.log}:\n{log_tail(child.log)}"
