"""The shape of the code: sizes, names, docstrings."""

import ast
from statistics import median

import pytest

from tests.architecture.sources import PRODUCT, Module, functions, modules

MODULE_LINES = 400
MEDIAN_LINES = 150
FUNCTION_LINES = 60
EMPTY_WORDS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "manager",
    "managers",
    "common",
    "misc",
    "base",
}

every = pytest.mark.parametrize("module", modules(), ids=str)


@every
def test_a_module_is_not_too_long(module: Module) -> None:
    assert module.lines <= MODULE_LINES


def test_most_modules_are_short() -> None:
    assert median(m.lines for m in modules(*PRODUCT) if not m.empty_init) < MEDIAN_LINES


@every
def test_a_function_is_not_too_long(module: Module) -> None:
    for function in functions(module.tree):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno + 1 <= FUNCTION_LINES, function.name


@every
def test_a_module_opens_with_what_it_is(module: Module) -> None:
    if not module.empty_init:
        assert ast.get_docstring(module.tree)


@every
def test_a_name_says_what_is_inside(module: Module) -> None:
    for part in module.name.split("."):
        assert not set(part.lower().split("_")) & EMPTY_WORDS
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(("Manager", "Helper", "Utils", "Util"))
