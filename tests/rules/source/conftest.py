"""A migrated SQLite file, and the components that the chains of these tests call."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine

from migrations.run import upgrade
from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/rules.db"
    upgrade(url)
    return url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine_for(url, "tests")
    yield engine
    engine.dispose()


@pytest.fixture
def repository(engine: Engine) -> ChainRepository:
    return ChainRepository(engine, "dms-liteflow", "default")


@pytest.fixture
def components() -> Mapping[str, ComponentPolicy]:
    return {id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b", "c", "d")}
