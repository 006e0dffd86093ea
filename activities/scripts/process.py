"""A process that runs scripts, as the worker sees it: started, asked, killed when it overruns.

For the engines. Blocking; `activities.scripts.inside.main` is what runs in there.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from activities.errors import ActivityError, EngineDown
from activities.scripts.inside.frames import HEAD, Answer, Question, failed

ROOT: Final = Path(__file__).resolve().parents[2]
START_SECONDS: Final = 60.0
OVERTIME: Final = 2.0
"""Seconds after which a process is killed that should have ended a script itself."""
MOST_ASKED: Final = 2_000
"""Questions after which a process is started anew, in case its engine loses memory."""
MOST_ANSWER: Final = 64 * 1024 * 1024
_BEGIN: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from activities.scripts.inside.main import main; main(sys.argv[2], int(sys.argv[3]))"
)
_NO_MEMORY: Final = (signal.SIGTRAP, signal.SIGABRT, signal.SIGILL)
"""How V8 ends when it gets no memory."""


class EngineGone(ActivityError):
    """The process has ended."""


class EngineLate(ActivityError):
    """The process has not answered in time."""


@dataclass(slots=True)
class Ticket:
    """One question, which somebody else may give up."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: "EngineProcess | None" = None
    _given_up: bool = False

    def begin(self, process: "EngineProcess") -> bool:
        """The process begins with it; False if nobody wants the answer any more."""
        with self._lock:
            self._process = process
            return not self._given_up

    def end(self) -> None:
        """The process has answered."""
        with self._lock:
            self._process = None

    def give_up(self) -> None:
        """Kill whoever is at it."""
        with self._lock:
            self._given_up = True
            if self._process is not None:
                self._process.kill()


class EngineProcess:
    """One process for one language; started when it is first asked, and again after its end."""

    def __init__(self, language: str, memory: int) -> None:
        self._language = language
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = 0

    def ask(self, question: Question, seconds: float, ticket: Ticket) -> Answer:
        """The answer, within `seconds` or a little more; what a script does raises nothing.

        Raises EngineDown.
        """
        process = self._started()
        if not ticket.begin(self):
            return failed("CANCELLED", "CancelledError", "nobody waits for it any more")
        try:
            return self._exchange(process, json.dumps(question).encode(), seconds + OVERTIME)
        except EngineLate:
            self.kill()
            return failed("SCRIPT_TIMEOUT", "TimeoutError", f"no answer within {seconds:g} s")
        except (EngineGone, OSError):
            return self._crashed()
        finally:
            ticket.end()

    def kill(self) -> None:
        """End it, and what it has forked."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._bury()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._bury()
        self._process = subprocess.Popen(
            (sys.executable, "-I", "-c", _BEGIN, str(ROOT), self._language, str(self._memory)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"LANG": "C.UTF-8", "TZ": "UTC"},
            start_new_session=True,
        )
        try:
            hello = _read(_pipe(self._process.stdout), time.monotonic() + START_SECONDS)
        except (EngineLate, EngineGone, OSError) as error:
            self.close()
            raise EngineDown(f"the engine for {self._language} does not start") from error
        if "unconfined" in hello:
            self.close()
            raise EngineDown(f"the engine for {self._language} may not run: {hello['unconfined']}")
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], data: bytes, seconds: float) -> Answer:
        until = time.monotonic() + seconds
        asked = _pipe(process.stdin)
        asked.write(HEAD.pack(len(data)) + data)
        asked.flush()
        answer = _read(_pipe(process.stdout), until)
        if "unconfined" in answer:
            raise EngineDown(f"the engine for {self._language} may not run: {answer['unconfined']}")
        self._asked += 1
        if answer.get("worn") or self._asked >= MOST_ASKED:
            self.close()
        return answer

    def _crashed(self) -> Answer:
        assert self._process is not None
        self.kill()
        code = self._process.wait()
        if -code in _NO_MEMORY:
            words = "it needs more memory than scripts may have"
            return failed("SCRIPT_MEMORY", "MemoryError", words)
        return failed("SCRIPT_CRASHED", "Crashed", f"its process ended with code {code}")

    def _bury(self) -> None:
        process, self._process = self._process, None
        self._asked = 0
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    _pipe(pipe).close()
            process.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _read(pipe: IO[bytes], until: float) -> Answer:
    """One frame. Raises EngineLate, EngineGone, OSError."""
    size: int = HEAD.unpack(_exactly(pipe, HEAD.size, until))[0]
    if size > MOST_ANSWER:
        raise EngineGone
    answer: Answer = json.loads(_exactly(pipe, size, until))
    return answer


def _exactly(pipe: IO[bytes], size: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < size:
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0.0))
        if not ready:
            raise EngineLate
        part = os.read(pipe.fileno(), size - len(found))
        if not part:
            raise EngineGone
        found += part
    return bytes(found)
