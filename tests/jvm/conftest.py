"""One place with API, worker and JVM worker for the tests of the latter."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
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


class JvmWorker:
    """The worker's process, which can be killed and started again."""

    def __init__(self, jar: Path, place: Place) -> None:
        self._jar = jar
        self._place = place
        self._starts = 0

    @contextmanager
    def running(self, **environment: str) -> Iterator[ChildProcess]:
        """The worker, from when it takes steps."""
        self._starts += 1
        given = self._place.environment(**environment)
        log = f"jvm-worker-{self._starts}"
        with jvm_process(self._jar, self._place.home, given, log) as child:
            wait_for_words(child, JVM_READY)
            yield child


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
def jvm(jar: Path, place: Place) -> JvmWorker:
    return JvmWorker(jar, place)


@pytest.fixture
def id() -> str:
    """An execution id that nobody used."""
    return f"x-{uuid4().hex[:12]}"
