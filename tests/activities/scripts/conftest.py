"""The engines of this process, started once."""

from collections.abc import Iterator

import pytest

from activities.scripts.engine import ScriptEngines, ScriptLimits


@pytest.fixture(scope="session")
def engines() -> Iterator[ScriptEngines]:
    engines = ScriptEngines(ScriptLimits(seconds=10, memory=64, processes=1))
    yield engines
    engines.close()
