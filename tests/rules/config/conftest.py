"""A migrated database on each of the stores, and components to call."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine

from rules.plan import ComponentPolicy
from rules.source.engine import create_engine_for
from tests.activities.mirror.stores import STORES, session_stores


@pytest.fixture(params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    stores = session_stores(request.config, tmp_path_factory)
    with stores.migrated(request.param, tmp_path) as url:
        engine = create_engine_for(url, "tests")
        yield engine
        engine.dispose()


@pytest.fixture
def components() -> Mapping[str, ComponentPolicy]:
    return {id: ComponentPolicy(id=id, read_only=True) for id in ("a", "b", "d", "e")}
