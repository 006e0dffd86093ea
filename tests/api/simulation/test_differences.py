"""What `docs/el-differences.md` says of chains, each row by cases of its own."""

import pytest

from tests.api.simulation.differences import CASES
from tests.api.simulation.said import Told, agrees


@pytest.mark.parametrize("told", [pytest.param(told, id=id) for id, told in CASES.items()])
def test_it_is_as_the_page_says(told: Told) -> None:
    agrees(told)
