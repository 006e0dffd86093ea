"""Golden files: `valid/*.el` with their plans, `invalid/*.el` with the exact diagnostics.

Write the expectations anew, then read the difference before committing it:

    CHAINSAGA_REGENERATE=1 pytest tests/rules/test_golden.py
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rules.compiler import Compiled
from rules.errors import ChainInvalid
from rules.plan import Plan

GOLDEN = Path(__file__).parents[1] / "golden" / "el"
VALID = sorted(GOLDEN.glob("valid/*.el"))
INVALID = sorted(GOLDEN.glob("invalid/*.el"))


def agree(path: Path, actual: str) -> None:
    if os.environ.get("CHAINSAGA_REGENERATE"):
        path.write_text(actual, encoding="utf-8")
    assert actual == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_plan(path: Path, compile_el: Callable[[str], Compiled]) -> None:
    plan = compile_el(path.read_text(encoding="utf-8")).plan
    agree(path.with_suffix(".plan.json"), plan.model_dump_json(indent=1, exclude_none=True) + "\n")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_diagnostics(path: Path, compile_el: Callable[[str], Compiled]) -> None:
    with pytest.raises(ChainInvalid) as caught:
        compile_el(path.read_text(encoding="utf-8"))
    agree(path.with_suffix(".txt"), f"{caught.value}\n")


def test_there_are_files() -> None:
    assert VALID
    assert INVALID
