"""The table of operators has every operator, alone and directly in every other one."""

from rules.el.operators.table import OPERATORS
from tests.workflows.nesting import FUNCTIONS, MODIFIERS, legal, written
from tests.workflows.operators import CASES


def test_every_operator_is_tried_in_every_other() -> None:
    assert {row.name for row in OPERATORS} == FUNCTIONS.keys() | MODIFIERS.keys()
    found = {pair for case in CASES.values() for text in case.texts for pair in written(text)}
    missing = legal() - found
    assert sorted(missing) == []
