"""The product's modules as text and syntax trees; nothing here imports them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("rules", "workflows", "activities", "api", "migrations", "dev", "benchmarks")
PRODUCT = ("rules", "workflows", "activities", "api")


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return parsed(self.path)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def empty_init(self) -> bool:
        return self.path.name == "__init__.py" and not self.text

    def __str__(self) -> str:
        return self.name


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def modules(*packages: str) -> list[Module]:
    """Every module of these packages, and of the top level where none is named."""
    roots = [ROOT / package for package in packages or PACKAGES]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    if not packages:
        files += [ROOT / "settings.py", ROOT / "worker.py"]
    return [Module(_name(path), path) for path in files]


def module(name: str) -> Module:
    return Module(name, ROOT / (name.replace(".", "/") + ".py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every name that a module imports, dotted, wherever it does so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.AST) -> str:
    """`a.b.c` of such an expression; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (front := dotted(node.value)):
        return f"{front}.{node.attr}"
    return ""


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
