"""A migrated SQLite file for every test, copied from one that is migrated once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from activities.mirror.reader import MirrorReader
from activities.mirror.writer import MirrorWriter
from migrations.run import upgrade
from rules.source.engine import create_engine_for


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mirror") / "empty.db"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> str:
    file = tmp_path / "mirror.db"
    shutil.copy(migrated, file)
    return f"sqlite:///{file}"


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
