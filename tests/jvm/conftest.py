"""One place with API, worker and JVM worker for the tests of the latter."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from dev.jvm import worker_jar
from dev.processes import ChildProcess
from dev.stack import JVM_READY, jvm_process, wait_for_words
from dev.temporal_server import DevServer
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRow
from tests.api.sites import Api, Place, environment_of, load, new_place, open_api, open_worker
from tests.jvm.scripts import CHAINS, SCRIPTS
from tests.rules.source.script_rows import put_script

ENDING: Final = 40.0


class JvmWorker:
    """The worker's process: one at a time, since its start takes seconds."""

    def __init__(self, jar: Path, place: Place, running: ExitStack) -> None:
        self._jar = jar
        self._place = place
        self._running = running
        self._starts = 0
        self.child: ChildProcess | None = None

    def start(self, **environment: str) -> None:
        """Start it, and wait until it takes steps."""
        assert self.child is None
        self._starts += 1
        given = self._place.environment(**environment)
        log = f"jvm-worker-{self._starts}"
        self.child = self._running.enter_context(
            jvm_process(self._jar, self._place.home, given, log)
        )
        wait_for_words(self.child, JVM_READY)

    def end(self, by: signal.Signals) -> int:
        """End it by a signal; how it ended."""
        assert self.child is not None
        child, self.child = self.child, None
        child.send(by)
        return child.wait(ENDING)


@pytest.fixture(scope="session")
def jar() -> Path:
    return worker_jar()


@pytest.fixture(scope="module")
def place(temporal_server: DevServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("jvm")
    place = new_place(home, temporal_server.address, jvm_worker=True, script_timeout=20)
    chains = [ChainRow(tenant="", name=name, text=text) for name, text in CHAINS.items()]
    load(place.settings, chains, tenants=("1",))
    engine = create_engine_for(place.settings.database_url, "tests")
    for id, (type, language, text) in SCRIPTS.items():
        put_script(engine, "0", id, text, type=type, language=language)
    engine.dispose()
    with environment_of(place):
        yield place


@pytest.fixture(scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    async with open_api(place.settings) as api, open_worker(place.settings):
        yield api


@pytest.fixture(scope="module")
async def api_without(place: Place) -> AsyncIterator[Api]:
    """The API of a deployment that has no JVM worker."""
    async with open_api(place.settings.model_copy(update={"jvm_worker": False})) as api:
        yield api


@pytest.fixture(scope="module")
def jvm(jar: Path, place: Place) -> Iterator[JvmWorker]:
    with ExitStack() as running:
        yield JvmWorker(jar, place, running)


@pytest.fixture
def id() -> str:
    """An execution id that nobody used."""
    return f"x-{uuid4().hex[:12]}"
