"""The page about differences from LiteFlow: every row is held by tests that are there."""

import ast
import re
from typing import Final

import pytest

from dev.stack import ROOT
from tests.api.simulation.differences import CASES
from tests.docs.markdown import rows

PAGE: Final = ROOT / "docs" / "el-differences.md"
ROWS: Final = rows(PAGE, r"\d+")


def named(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[-1])


def test_the_rows_are_numbered() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert {len(row) for row in ROWS} == {7}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_held_by_tests(row: list[str]) -> None:
    number, *cells = row
    assert all(cells[:4]), "a row says what, LiteFlow, chainsaga and why"
    cases = [test for test in named(row) if "::" not in test]
    assert cases == [id for id in CASES if id.split()[0] == number]
    assert named(row)
    for test in named(row):
        if "::" in test:
            file, _, name = test.partition("::")
            source = ast.parse((ROOT / "tests" / file).read_text())
            functions = (ast.FunctionDef, ast.AsyncFunctionDef)
            found = {node.name for node in source.body if isinstance(node, functions)}
            assert name.partition("[")[0] in found


def test_every_case_of_the_table_has_its_row() -> None:
    assert {id.split()[0] for id in CASES} <= {row[0] for row in ROWS}


def test_a_case_of_the_collection_is_named_once() -> None:
    ids = [id for row in ROWS for id in re.findall(r"`([^`]+)`", row[5])]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*-\d{3}", id) for id in ids)
