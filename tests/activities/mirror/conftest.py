"""A migrated database for every test, on each of the stores; and a Redis where it is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from rules.source.engine import create_engine_for
from tests.activities.mirror.stores import STORES, StoreName, Stores, session_stores


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> StoreName:
    """Every test that needs a database runs on both."""
    name: StoreName = request.param
    return name


@pytest.fixture
def database(stores: Stores, store: StoreName, tmp_path: Path) -> Iterator[str]:
    with stores.migrated(store, tmp_path) as url:
        yield url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = create_engine_for(database, "tests")
    yield engine
    engine.dispose()


@pytest.fixture
def writer(engine: Engine) -> Iterator[MirrorWriter]:
    writer = MirrorWriter(engine)
    yield writer
    writer.close(10)


@pytest.fixture
def reader(engine: Engine) -> MirrorReader:
    return MirrorReader(engine)
