"""The model is an independent judge, and short enough to be read."""

import sys
from pathlib import Path

from tests.architecture.sources import imported, parsed
from tests.property import model

LINES = 250


def test_it_knows_nothing_of_ours_but_the_plan() -> None:
    foreign = {
        name
        for name in imported(parsed(Path(model.__file__)))
        if name.split(".")[0] not in sys.stdlib_module_names
    }
    assert foreign == {"rules.plan"}


def test_it_can_be_read_in_one_sitting() -> None:
    assert len(Path(model.__file__).read_text(encoding="utf-8").splitlines()) <= LINES
