"""A migrated database on each of the stores, and the components that these chains call."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from rules.source.repository import ChainRepository
from rules.source.service import RuleSource
from rules.source.tables import rule_revision
from tests.activities.mirror.stores import STORES, StoreName, Stores, session_stores
from tests.rules.source.polled import New


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> StoreName:
    """Every test that needs a database runs on both."""
    name: StoreName = request.param
    return name


@pytest.fixture
def url(stores: Stores, store: StoreName, tmp_path: Path) -> Iterator[str]:
    with stores.migrated(store, tmp_path) as url:
        yield url


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


@pytest.fixture
def impatient(url: str) -> Iterator[Engine]:
    """Nobody waits long for a server that hangs."""
    engine = create_engine_for(url, "tests", answer_within=0.5)
    yield engine
    engine.dispose()


@pytest.fixture
def new(impatient: Engine, components: Mapping[str, ComponentPolicy]) -> New:
    """Rule sources of instances that share a database."""
    return lambda lock=None: RuleSource(impatient, "dms-liteflow", "default", components, lock=lock)


@pytest.fixture
def without_triggers(engine: Engine) -> None:
    """As it is where nobody may make triggers."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        else:
            query = (
                "SELECT trigger_name FROM information_schema.triggers"
                " WHERE trigger_schema = DATABASE()"
            )
        for (name,) in connection.exec_driver_sql(query).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.execute(update(rule_revision).values(revision=0))
