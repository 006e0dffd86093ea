"""The table is the backbone: each row has its example, its lowering and its line in the docs."""

from collections.abc import Callable
from typing import get_args

import pytest

from rules import lower
from rules.compiler import Compiled
from rules.el.operators import (
    BY_NAME,
    COMPONENTS,
    EXPRESSIONS,
    KIND_WORDS,
    OPERATORS,
    PLANNED,
    Operator,
)
from rules.el.reference import PAGE, page
from rules.errors import ChainInvalid
from rules.plan import Kind


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row.name)
def test_example_compiles(row: Operator, compile_el: Callable[[str], Compiled]) -> None:
    assert row.name in row.example
    assert not compile_el(row.example).warnings


def test_every_row_has_one_lowering() -> None:
    lowerings = [*lower.FUNCTIONS, *lower.MODIFIERS, *lower.SCOPES]
    assert sorted(lowerings) == sorted(row.name for row in OPERATORS)


def test_names_are_unique_and_kinds_known() -> None:
    assert len(BY_NAME) == sum(1 + len(row.aliases) for row in OPERATORS)
    assert not PLANNED & set(BY_NAME)
    assert {row.result for row in OPERATORS if row.form == "function"} == EXPRESSIONS
    kinds = set(KIND_WORDS)
    assert kinds >= COMPONENTS | EXPRESSIONS
    assert set(get_args(Kind)) == COMPONENTS
    for row in OPERATORS:
        assert row.receivers <= kinds
        assert all(slot.accepts <= kinds for slot in row.slots)


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_planned_operators_say_so(name: str, compile_el: Callable[[str], Compiled]) -> None:
    for text in (f"{name}(a)", f"THEN(a).{name}(b)"):
        with pytest.raises(ChainInvalid) as caught:
            compile_el(text)
        (found,) = caught.value.diagnostics
        assert found.category == "unknown_function"
        assert found.message == f"{name} is not supported by this version"


def test_language_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m rules.el.reference"
