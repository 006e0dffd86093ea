"""The table is the backbone: each row has its example, its lowering and its line in the docs."""

from collections.abc import Callable
from typing import get_args

import pytest

from rules.compiler import Compiled
from rules.el.operators.kinds import (
    COMPONENTS,
    EXPRESSIONS,
    INCOMPLETE,
    KIND_WORDS,
    LIMITED,
    MISSING,
)
from rules.el.operators.rows import Operator
from rules.el.operators.table import BY_NAME, OPERATORS
from rules.el.reference import PAGE, page
from rules.lower.rows import ROWS
from rules.plan import Kind

# The forms of the EL reference, section 3.
LANGUAGE = """
    THEN SER WHEN PAR PRE FINALLY IF ELIF ELSE SWITCH TO to DEFAULT FOR WHILE ITERATOR DO BREAK
    parallel CATCH AND OR NOT node NODE id tag data bind retry maxWaitSeconds maxWaitMilliseconds
    any must percentage ignoreError threadPool
"""


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row.name)
def test_example_compiles(row: Operator, compile_el: Callable[[str], Compiled]) -> None:
    assert row.name in row.example
    warnings = compile_el(row.example).found
    assert [found.category for found in warnings] == (["ignored"] if row.ignored else [])


def test_the_whole_language_is_there() -> None:
    assert sorted(BY_NAME) == sorted(LANGUAGE.split())


def test_every_row_has_one_lowering() -> None:
    lowerings = [*ROWS.functions, *ROWS.modifiers, *ROWS.scopes, *ROWS.objects]
    resolved = [row.name for row in OPERATORS if row.result == MISSING]
    assert sorted([*lowerings, *resolved]) == sorted(row.name for row in OPERATORS)


def test_names_are_unique_and_kinds_known() -> None:
    assert len(BY_NAME) == sum(1 + len(row.aliases) for row in OPERATORS)
    kinds = set(KIND_WORDS)
    assert set(get_args(Kind)) == COMPONENTS
    assert kinds > COMPONENTS | EXPRESSIONS | INCOMPLETE.keys() | LIMITED | {MISSING}
    for row in OPERATORS:
        assert row.receivers | row.becomes.keys() | set(row.becomes.values()) <= kinds
        assert bool(row.receivers) == bool(row.behind) == (row.form == "modifier")
        for slot in row.slots:
            assert slot.accepts | slot.hints.keys() <= kinds
            assert slot.odd.keys() | slot.misplaced.keys() <= kinds
            assert not slot.accepts & (slot.odd.keys() | slot.misplaced.keys())
            assert not slot.odd.keys() & slot.misplaced.keys()


def test_functions_and_modifiers_make_every_expression() -> None:
    made = {row.result for row in OPERATORS if row.form == "function"} - {MISSING}
    while more := {row.becomes[kind] for row in OPERATORS for kind in made & row.becomes.keys()}:
        if more <= made:
            break
        made |= more
    assert made | {"marked"} == EXPRESSIONS | INCOMPLETE.keys()


def test_language_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m rules.el.reference"
