"""A process that runs scripts of one language for a worker, one after the other.

Started by `activities.scripts.process` with the language and the limits; asked and answered by
frames on its standard input and output. Where the engine allows it, each run is a process forked
for it, and gone with it. Knows nothing of steps.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Final

from activities.scripts.inside.confinement import Confinement, Unconfined, limit
from activities.scripts.inside.frames import (
    HEAD,
    Answer,
    Question,
    failed,
    read_exactly,
    write_frame,
)

Run = Callable[[Question], Answer]

ENGINES: Final = {"python": "python", "javascript": "javascript", "cel": "cel"}
FORKING: Final = frozenset({"python", "cel"})
MOST_OUTPUT: Final = 4 * 1024 * 1024
"""Bytes of an answer; what a step may answer is far less, and is checked by the worker."""
GRACE: Final = 1
ROOM_OF_V8: Final = 4
"""How much more than a script's memory V8 may take, which counts garbage late."""


def main(language: str, memory: int) -> None:
    """Answer until nobody asks any more. `memory` is in bytes."""
    asked, answered = _own_pipes()
    engine = import_module(f"activities.scripts.inside.{ENGINES[language]}")
    try:
        confinement = Confinement()
        engine.prepare()
        if language in FORKING:
            run = partial(_forked, confinement, memory, engine.run)
        else:
            # V8 asks for address space without end; what is counted is what it writes to.
            limit(resource.RLIMIT_DATA, _data() + ROOM_OF_V8 * memory)
            confinement.begin()
            run = partial(_in_place, engine.run, memory)
    except Unconfined as error:
        _tell(answered, {"unconfined": str(error)})
        return
    _tell(answered, {"ready": os.getpid()})
    while (head := read_exactly(asked, HEAD.size)) is not None:
        data = read_exactly(asked, HEAD.unpack(head)[0])
        if data is None:
            break
        question: Question = json.loads(data)
        if "check" in question:
            _tell(answered, {"problem": engine.problem(question["check"], question["text"])})
        else:
            _tell(answered, run(question))


def _own_pipes() -> tuple[int, int]:
    """The pipes, out of reach of what a script prints or reads."""
    asked, answered = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for file in (0, 1, 2):
        os.dup2(nothing, file)
    os.close(nothing)
    return asked, answered


def _tell(answered: int, answer: Answer) -> None:
    write_frame(answered, json.dumps(answer).encode())


def _in_place(run: Callable[..., Answer], memory: int, question: Question) -> Answer:
    answer = run(question, seconds=question["seconds"], memory=memory)
    if len(json.dumps(answer)) > MOST_OUTPUT:
        answer = _too_large()
    # Nobody knows what an engine is like that had no memory left.
    worn = answer.get("error", {}).get("code") == "SCRIPT_MEMORY"
    return answer | {"worn": worn}


def _forked(confinement: Confinement, memory: int, run: Run, question: Question) -> Answer:
    """Run in a process of its own, which is killed when its time is over."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(confinement, memory, run, question, write)
    os.close(write)
    seconds = question["seconds"]
    data = _read_all(read, seconds)
    if data is None:
        os.kill(child, signal.SIGKILL)
    os.close(read)
    _, status = os.waitpid(child, 0)
    if data is None:
        return failed("SCRIPT_TIMEOUT", "TimeoutError", f"no answer within {seconds:g} s")
    if len(data) > MOST_OUTPUT:
        return _too_large()
    if status or not data:
        return _crashed(status)
    answer: Answer = json.loads(data)
    return answer


def _in_child(
    confinement: Confinement, memory: int, run: Run, question: Question, write: int
) -> None:
    """Never returns."""
    status = 1
    try:
        os.closerange(3, write)
        os.closerange(write + 1, write + 64)
        limit(resource.RLIMIT_AS, _size() + memory)
        limit(resource.RLIMIT_CPU, int(question["seconds"]) + GRACE)
        confinement.begin()
        answer = json.dumps(run(question)).encode()
        left = memoryview(answer)
        while left:
            left = left[os.write(write, left) :]
        status = 0
    except Unconfined as error:
        os.write(write, json.dumps({"unconfined": str(error)}).encode())
        status = 0
    except MemoryError:
        answer = json.dumps(failed("SCRIPT_MEMORY", "MemoryError", "no memory is left")).encode()
        os.write(write, answer)
        status = 0
    finally:
        os._exit(status)


def _read_all(file: int, seconds: float) -> bytes | None:
    """What comes until the end; None when that takes too long. No more than is wanted."""
    until = time.monotonic() + seconds
    found = bytearray()
    while len(found) <= MOST_OUTPUT:
        ready, _, _ = select.select([file], [], [], max(until - time.monotonic(), 0))
        if not ready:
            return None
        part = os.read(file, 1 << 16)
        if not part:
            break
        found += part
    return bytes(found)


def _too_large() -> Answer:
    return failed("OUTPUT_TOO_LARGE", "OutputTooLarge", f"it answers more than {MOST_OUTPUT} bytes")


def _crashed(status: int) -> Answer:
    ended = os.waitstatus_to_exitcode(status)
    if -ended == signal.SIGXCPU:
        return failed("SCRIPT_TIMEOUT", "TimeoutError", "it used up its time")
    how = f"signal {signal.Signals(-ended).name}" if ended < 0 else f"code {ended}"
    words = f"its process ended with {how} and no answer; perhaps it wanted too much memory"
    return failed("SCRIPT_CRASHED", "Crashed", words)


def _size() -> int:
    """Bytes of address space of this process."""
    return _pages(0)


def _data() -> int:
    """Bytes of it that hold data."""
    return _pages(5)


def _pages(column: int) -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 # no more imports
            return int(file.read().split()[column]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
