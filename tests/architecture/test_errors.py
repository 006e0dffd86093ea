"""One tree of exceptions per package, drawn in the docstring of its module of errors."""

import ast
import builtins
import importlib
from collections.abc import Iterator

import pytest

from activities.errors import ActivityError
from api.errors import ApiError
from rules.errors import RuleError
from tests.architecture.sources import modules

TREES = {"rules": RuleError, "activities": ActivityError, "api": ApiError}


def exceptions(package: str) -> Iterator[type[BaseException]]:
    """Every exception class that the package defines."""
    for source in modules(package):
        names = [node.name for node in source.tree.body if isinstance(node, ast.ClassDef)]
        if not names:
            continue
        loaded = importlib.import_module(source.name)
        for name in names:
            found = getattr(loaded, name)
            if isinstance(found, type) and issubclass(found, BaseException):
                yield found


@pytest.mark.parametrize("package", TREES)
def test_every_exception_is_in_its_packages_tree(package: str) -> None:
    found = list(exceptions(package))
    assert TREES[package] in found
    strangers = {
        f"{error.__module__}.{error.__qualname__}"
        for error in found
        if not issubclass(error, TREES[package])
    }
    assert strangers == set()


@pytest.mark.parametrize("package", TREES)
def test_the_tree_is_drawn_where_it_begins(package: str) -> None:
    base = TREES[package]
    drawn = importlib.import_module(base.__module__).__doc__ or ""
    words = {line.split()[0] for line in drawn.splitlines() if line.split()}
    missing = {error.__name__ for error in exceptions(package) if issubclass(error, base)} - words
    assert missing == set()


@pytest.mark.parametrize("package", TREES)
def test_no_exception_hides_a_builtin(package: str) -> None:
    assert not [e.__name__ for e in exceptions(package) if hasattr(builtins, e.__name__)]


@pytest.mark.parametrize("package", TREES)
def test_no_exception_is_defined_where_nobody_can_catch_it(package: str) -> None:
    for source in modules(package):
        top = {node for node in source.tree.body if isinstance(node, ast.ClassDef)}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node not in top:
                assert not any(ast.unparse(b).endswith(("Error", "Exception")) for b in node.bases)
