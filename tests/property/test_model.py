"""The model is an independent judge, short enough to be read, and knows the whole language."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rules.el.operators.table import BY_NAME
from tests.architecture.sources import imported, parsed
from tests.property import model, model_case, model_flow, model_steps
from tests.property.shapes import MOST_NODES, of_nodes, text_of

LINES = 250
PARTS = (model, model_case, model_flow, model_steps)
# Other words for the same, or nothing that changes the course of a saga.
SAME = {"SER", "PAR", "TO", "to", "ELIF", "ELSE", "NODE", "node", "maxWaitSeconds"}
SILENT = {"id", "data", "bind", "threadPool"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.rpartition(".")[2])
def test_it_knows_nothing_of_ours_but_the_plan(part: ModuleType) -> None:
    foreign = {
        name
        for name in imported(parsed(Path(str(part.__file__))))
        if name.split(".")[0] not in sys.stdlib_module_names
    }
    own = tuple(f"{other.__name__}." for other in PARTS)
    assert {name for name in foreign if not name.startswith(own)} <= {"rules.plan"}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.rpartition(".")[2])
def test_it_can_be_read_in_one_sitting(part: ModuleType) -> None:
    assert len(Path(str(part.__file__)).read_text(encoding="utf-8").splitlines()) <= LINES


def test_every_operator_is_in_some_chain() -> None:
    texts = [text_of(shape) for nodes in range(1, MOST_NODES + 1) for shape in of_nodes(nodes)]
    words = {word for text in texts for word in re.findall(r"[A-Za-z]+(?=\()", text)}
    assert words - {"CHAIN"} == BY_NAME.keys() - (SAME - {"TO"}) - SILENT
