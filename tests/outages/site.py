"""The product as processes, on stores that only these tests use: what can be taken down, and how.

Temporal is the session's. A part that was taken down comes back at the same place.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import uuid4

import httpx2
from redis import Redis

from activities.mirror.hot import HotState
from activities.mirror.reader import MirrorReader
from dev.databases import DatabaseServer, RedisServer, mariadb, redis_server
from dev.processes import ChildProcess, free_port, wait_until
from dev.temporal_server import HOST
from migrations.run import upgrade
from rules.source.engine import create_engine_for
from settings import Settings
from tests.api.sites import Place, load, process
from tests.outages.roles import CHAINS
from tests.outages.world import FOLDER, World

START_LIMIT = 120.0
RECONCILE_EVERY = 5.0
RULE_REFRESH = 10.0


@dataclass
class Site:
    """The running parts, and what the tests look at behind the product's back."""

    place: Place
    mariadb: DatabaseServer
    redis: RedisServer
    world: World
    rows: MirrorReader
    hot: HotState
    keys: Redis
    parts: ExitStack
    numbers: Iterator[int] = field(default_factory=count)

    worker: ChildProcess = field(init=False)
    api_process: ChildProcess = field(init=False)

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.place.settings.api_port}"

    def start_worker(self) -> None:
        """Start a worker and wait until it polls."""
        self._launch_worker()
        self._await_worker()

    def start_api(self) -> None:
        """Start the API and wait until it can start sagas."""
        self._launch_api()
        self._await_api()

    def start_both(self) -> None:
        """Start worker and API side by side."""
        self._launch_worker()
        self._launch_api()
        self._await_worker()
        self._await_api()

    def _launch_worker(self) -> None:
        self.worker = self._start("worker")

    def _launch_api(self) -> None:
        self.api_process = self._start("api")

    def _await_worker(self) -> None:
        log = self.worker.log
        wait_until(
            lambda: "worker ready" in log.read_text(), START_LIMIT, "the worker", child=self.worker
        )

    def _await_api(self) -> None:
        wait_until(self._api_answers, START_LIMIT, "the API", child=self.api_process)

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Hold up everybody who reads a table."""
        with create_engine_for(self.place.settings.database_url, "lock").connect() as connection:
            connection.exec_driver_sql(f"LOCK TABLES {table} WRITE")
            try:
                yield
            finally:
                connection.exec_driver_sql("UNLOCK TABLES")

    async def someone_waits_for_the_lock(self) -> bool:
        """Whether a statement of the API waits for a table."""
        found = self.mariadb.execute(
            "SELECT count(*) FROM information_schema.processlist WHERE state LIKE '%lock%'"
        )
        return bool(found[0][0])

    def _start(self, command: str) -> ChildProcess:
        settings = self.place.settings
        assert settings.redis_url is not None
        opened = process(
            self.place,
            command,
            f"{command}-{next(self.numbers)}",
            CHAINSAGA_REDIS_URL=settings.redis_url,
            CHAINSAGA_RECONCILE_EVERY=str(settings.reconcile_every),
            CHAINSAGA_RULE_REFRESH=str(settings.rule_refresh),
            CHAINSAGA_RULE_POLLING_START="0",
            # Blocked undos wait for the tests.
            CHAINSAGA_COMPENSATION_RETRIES="0",
            **{FOLDER: str(self.world.home)},
        )
        return self.parts.enter_context(opened)

    def _api_answers(self) -> bool:
        try:
            return httpx2.get(f"{self.api_url}/ready", timeout=20, trust_env=False).is_success
        except httpx2.TransportError:
            return False


@contextmanager
def open_site(home: Path, temporal: str) -> Iterator[Site]:
    """Everything, running, for the length of a `with` block."""
    world = World(home)
    world.prepare()
    with ExitStack() as parts:
        database = parts.enter_context(mariadb(home / "mariadb"))
        cache = parts.enter_context(redis_server(home / "redis"))
        url = database.create("outages")
        upgrade(url)
        settings = Settings(
            database_url=url,
            redis_url=cache.url,
            reconcile_every=RECONCILE_EVERY,
            rule_refresh=RULE_REFRESH,
            components="tests.outages.world",  # type: ignore[arg-type] # split by the settings
            task_queue=f"outages-{uuid4().hex}",
            api_port=free_port(),
        )
        load(settings, CHAINS)
        engine = create_engine_for(url, "tests")
        parts.callback(engine.dispose)
        hot = HotState(cache.url)
        parts.callback(hot.close)
        keys = Redis.from_url(cache.url, decode_responses=True)
        parts.callback(keys.close)
        place = Place(home, settings, temporal)
        site = Site(place, database, cache, world, MirrorReader(engine), hot, keys, parts)
        site.start_both()
        yield site
