"""Every field of a case does what it says, and every op that answers is tried."""

from typing import get_args

import pytest

from api.simulation.cases import Case, Chain, Config, Node, Operation, Retried, Throws
from api.simulation.values import Op, OpName
from tests.api.simulation.fields import CASES
from tests.api.simulation.said import Told, agrees


@pytest.mark.parametrize("told", [pytest.param(told, id=id) for id, told in CASES.items()])
def test_it_does_what_it_says(told: Told) -> None:
    agrees(told)


def test_every_field_is_tried() -> None:
    lines = "\n".join(told.line for told in CASES.values())
    # As they are written in a file.
    written = {"text": "el", "enabled": "enable"}
    models = (Case, Chain, Config, Node, Operation, Op, Retried, Throws)
    fields = {
        written.get(name, field.alias or name)
        for model in models
        for name, field in model.model_fields.items()
    }
    assert {name for name in fields if f'"{name}":' not in lines} == set()


def test_every_op_is_tried() -> None:
    lines = "\n".join(told.line for told in CASES.values())
    assert {op for op in get_args(OpName) if f'"op": "{op}"' not in lines} == set()
