"""The page of promises about rules names tests that are there, on the fleet unless it says why."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from dev.stack import ROOT
from tests.docs.markdown import rows

PAGE: Final = ROOT / "docs" / "rules-tested.md"
FLEET: Final = ROOT / "tests" / "api" / "fleet"
NAME: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")


def promises() -> list[list[str]]:
    """Number, words, tests, and why there is none on the fleet."""
    return rows(PAGE, r"[A-Z]\d+")


@cache
def defined(file: Path) -> frozenset[str]:
    """The tests of a file."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ast.walk(ast.parse(file.read_text()))
    return frozenset(one.name for one in found if isinstance(one, functions))


def files_of(test: tuple[str, str]) -> list[Path]:
    """Where a test is that the page names."""
    path, name = test
    files = (ROOT / "tests").rglob(Path(path).name)
    return [file for file in files if file.match(f"**/{path}") and name in defined(file)]


def test_there_is_a_promise_for_each_number() -> None:
    numbers = [number for number, *_ in promises()]
    assert len(numbers) == len(set(numbers)) > 30


@pytest.mark.parametrize("promise", promises(), ids=lambda promise: promise[0])
def test_it_is_held_by_tests_that_are_there(promise: list[str]) -> None:
    _, _, told, why = promise
    tests = NAME.findall(told)
    assert tests
    found = {test: files_of(test) for test in tests}
    assert {test: len(files) for test, files in found.items()} == dict.fromkeys(tests, 1)
    fleet = any(file.is_relative_to(FLEET) for (file,) in found.values())
    assert fleet is not bool(why), "on the fleet, or why not"
