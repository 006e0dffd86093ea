"""The world outside: components whose calls and effects are written down in a file of their own.

Named by the setting `components` of these tests' worker and API. A request maps a step's tag to
what it does, and `undo:TAG` to what its undo does. A component is as good as one should be: a key
has its effect once, however often it is called. That the keys are right is for the tests to see.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from activities.component import Refused, Retry, Step, Undo, component, seconds

FOLDER = "CHAINSAGA_TEST_WORLD"
LIMIT = 90.0
HEARTBEAT = seconds(1.5)
Deed = Literal["do", "undo"]

_TABLES = """
CREATE TABLE IF NOT EXISTS called (execution TEXT, tag TEXT, deed TEXT, key TEXT);
CREATE TABLE IF NOT EXISTS done (key TEXT PRIMARY KEY, execution TEXT, tag TEXT, deed TEXT);
"""


class Play(BaseModel):
    """The request: a door that `hold` and `break` wait for, and what each step does.

    `hold` waits for the door before its effect, `hold_after` behind it, `hold_lost` too and then
    loses its answer; `break` fails until the door is mended; what is not named simply works.
    """

    door: str
    script: dict[str, Literal["refuse", "hold", "hold_after", "hold_lost", "break"]] = {}


@dataclass(frozen=True, slots=True)
class World:
    """The file and the doors, for the components and for the tests."""

    home: Path

    def prepare(self) -> None:
        with self._open() as connection:
            connection.executescript(_TABLES)

    def door(self, name: str, what: Literal["open", "mended"]) -> Path:
        return self.home / f"{name}.{what}"

    def call(self, execution: str, tag: str, deed: Deed, key: str) -> None:
        with self._open() as connection:
            words = "INSERT INTO called VALUES (?, ?, ?, ?)"
            connection.execute(words, (execution, tag, deed, key))

    def effect(self, execution: str, tag: str, deed: Deed, key: str) -> None:
        with self._open() as connection:
            words = "INSERT OR IGNORE INTO done VALUES (?, ?, ?, ?)"
            connection.execute(words, (key, execution, tag, deed))

    def effects(self, execution: str) -> list[tuple[str, str]]:
        """Tag and deed of every effect; one that has happened twice is there twice."""
        with self._open() as connection:
            words = "SELECT tag, deed FROM done WHERE execution = ?"
            return connection.execute(words, (execution,)).fetchall()

    def calls(self, execution: str) -> dict[tuple[str, str], int]:
        """How often each key was called, by tag and deed."""
        with self._open() as connection:
            words = "SELECT tag, deed, count(*) FROM called WHERE execution = ? GROUP BY key"
            return {(t, d): n for t, d, n in connection.execute(words, (execution,))}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.home / "world.db", timeout=20)
        try:
            with connection:
                yield connection
        finally:
            connection.close()


def _await(door: Path) -> None:
    deadline = time.monotonic() + LIMIT
    while not door.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody made {door}")
        time.sleep(0.02)


def _do(request: Play, step: Step) -> str:
    world, tag = World(Path(os.environ[FOLDER])), step.tag or ""
    act = request.script.get(tag)
    world.call(step.execution_id, tag, "do", step.key)
    if act == "hold":
        _await(world.door(request.door, "open"))
    if act == "refuse":
        raise Refused(f"{tag} refuses", code="AS_SCRIPTED")
    world.effect(step.execution_id, tag, "do", step.key)
    if act in ("hold_after", "hold_lost"):
        _await(world.door(request.door, "open"))
    if act == "hold_lost":
        raise ConnectionError(f"{tag} lost its answer")
    return tag


@component("act", compensate="unact", heartbeat=HEARTBEAT, timeout=seconds(LIMIT))
def act(request: Play, step: Step) -> str:
    return _do(request, step)


@component("look", read_only=True, heartbeat=HEARTBEAT, timeout=seconds(LIMIT))
def look(request: Play, step: Step) -> str:
    return _do(request, step)


@component("unact", retry=Retry(attempts=1), heartbeat=HEARTBEAT, timeout=seconds(LIMIT))
def unact(request: Play, undo: Undo[str]) -> None:
    world, tag = World(Path(os.environ[FOLDER])), undo.tag or ""
    world.call(undo.execution_id, tag, "undo", undo.key)
    broken = request.script.get(f"undo:{tag}") == "break"
    if broken and not world.door(request.door, "mended").exists():
        raise ConnectionError(f"undo of {tag} is broken")
    world.effect(undo.execution_id, tag, "undo", undo.key)
