"""The modules that Temporal's sandbox lets through are held to what the sandbox would enforce.

They are loaded once per process and shared by all runs, so they must have no clock, no chance, no
input or output, and no state of their own.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import Module, dotted, functions, imported, module, modules
from workflows.sandbox import ENGINE, MODELS

# The workflow class stays inside the sandbox; the other two run outside workflows.
OUTSIDE = {
    "workflows",
    "workflows.chain",
    "workflows.plugin",
    "workflows.sandbox",
    "workflows.schedules",
}

MAY_IMPORT = {
    "asyncio",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "datetime",
    "itertools",
    "json",
    "math",
    "pydantic",
    "pydantic_core",
    "re",
    "rules",
    "temporalio",
    "typing",
    "workflows",
    "zlib",
}
FORBIDDEN_IMPORTS = {
    "datetime.datetime.now",
    "temporalio.activity",
    "temporalio.client",
    "temporalio.worker",
    "temporalio.testing",
    "rules.source",
}
FORBIDDEN_BUILTINS = {
    "open",
    "print",
    "input",
    "exec",
    "eval",
    "compile",
    "id",
    "hash",
    "globals",
    "vars",
    "setattr",
    "__import__",
}
# What waits by the wall clock, or in an order that a replay may not repeat.
FORBIDDEN_CALLS = {
    "asyncio.sleep",
    "asyncio.wait",
    "asyncio.wait_for",
    "asyncio.as_completed",
    "asyncio.timeout",
    "asyncio.timeout_at",
    "asyncio.to_thread",
    "asyncio.run",
    "asyncio.TaskGroup",
    "asyncio.get_event_loop",
    "asyncio.get_running_loop",
    "asyncio.Lock.acquire",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.fromtimestamp",
    "date.today",
    "datetime.datetime.now",
}
IMMUTABLE = {"Final", "TypeAlias"}
FROZEN_CALLS = {"re.compile", "timedelta", "frozenset", "TypeVar", "ParamSpec"}
READ_ONLY = ("Mapping", "Sequence", "Set", "frozenset", "tuple")

engine = pytest.mark.parametrize("source", [module(name) for name in ENGINE], ids=str)


def test_every_module_of_workflows_is_either_held_to_this_or_named() -> None:
    assert {found.name for found in modules("workflows")} == set(ENGINE) | OUTSIDE
    assert len(set(ENGINE)) == len(ENGINE)


def test_what_else_is_passed_through_is_models_only() -> None:
    assert MODELS == ("rules",)


@engine
def test_it_imports_nothing_with_effects(source: Module) -> None:
    for name in imported(source.tree):
        parts = name.split(".")
        fronts = {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
        assert fronts & MAY_IMPORT, name
        assert not fronts & FORBIDDEN_IMPORTS, name


def calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func)


@engine
def test_it_calls_nothing_with_effects(source: Module) -> None:
    called = set(calls(source.tree))
    # An attribute that is passed on and called elsewhere counts as a call.
    called |= {dotted(node) for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    called |= {
        f"asyncio.{n.split('.')[-1]}" for n in imported(source.tree) if n.startswith("asyncio.")
    }
    assert called & FORBIDDEN_CALLS == set()
    assert called & FORBIDDEN_BUILTINS == set()


@engine
def test_its_log_is_the_workflows(source: Module) -> None:
    loggers = {name for name in calls(source.tree) if "log" in name.split(".")[-2:][0].lower()}
    assert all(name.startswith("workflow.logger.") for name in loggers)


@engine
def test_no_function_writes_to_the_module(source: Module) -> None:
    assert not [node for node in ast.walk(source.tree) if isinstance(node, ast.Global)]
    constants = {
        dotted(target)
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    for node in ast.walk(source.tree):
        written = node.value if isinstance(node, ast.Subscript | ast.Attribute) else None
        if written is not None and isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            assert dotted(written) not in constants, ast.unparse(node)


def plain(value: ast.expr | None) -> bool:
    """Whether a value cannot change: constants, tuples of them, and a few calls."""
    if isinstance(value, ast.Tuple):
        return all(plain(item) for item in value.elts)
    if isinstance(value, ast.UnaryOp):
        return plain(value.operand)
    if isinstance(value, ast.Call):
        name = dotted(value.func)
        return name in FROZEN_CALLS or name.split(".")[-1].startswith("for_")
    return isinstance(value, ast.Constant | ast.BinOp | ast.Attribute | ast.Name)


@engine
def test_its_top_level_holds_functions_classes_and_constants_only(source: Module) -> None:
    for node in source.tree.body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.ClassDef():
                continue
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(value=ast.Call() as made) if dotted(made.func) == "TypeVar":
                continue
            case ast.AnnAssign(annotation=annotation, value=value):
                kind = ast.unparse(annotation)
                assert kind.partition("[")[0] in IMMUTABLE, kind
                read_only = any(f"Final[{word}" in kind for word in READ_ONLY)
                assert kind == "TypeAlias" or plain(value) or read_only, ast.unparse(node)
            case _:
                pytest.fail(f"line {node.lineno}: {ast.unparse(node)}")


@engine
def test_no_default_and_no_class_attribute_is_shared_state(source: Module) -> None:
    for function in functions(source.tree):
        for default in (*function.args.defaults, *function.args.kw_defaults):
            assert default is None or plain(default), f"{function.name}: {ast.unparse(default)}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    assert plain(statement.value), ast.unparse(statement)
                if isinstance(statement, ast.AnnAssign):
                    assert statement.value is None or plain(statement.value)


def is_set(node: ast.AST, known: set[str]) -> bool:
    """Whether an expression is a set, as far as its text tells."""
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        methods = ("union", "intersection", "difference", "symmetric_difference")
        return name in ("set", "frozenset") or name.split(".")[-1] in methods
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub):
        return is_set(node.left, known) or is_set(node.right, known)
    return dotted(node) in known


def sets_of(tree: ast.AST) -> set[str]:
    """The names that are declared as sets, or are given one."""
    known: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and is_set(node.value, known):
            known |= {dotted(target) for target in node.targets}
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            kind = ast.unparse(node.annotation).partition("[")[0]
            if kind in ("set", "frozenset", "Set", "AbstractSet", "MutableSet"):
                known.add(node.arg if isinstance(node, ast.arg) else dotted(node.target))
    return known - {""}


@engine
def test_it_iterates_over_no_set(source: Module) -> None:
    known = sets_of(source.tree)
    for node in ast.walk(source.tree):
        iterated: list[ast.expr] = []
        if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            iterated = [node.iter]
        elif isinstance(node, ast.Starred):
            iterated = [node.value]
        elif isinstance(node, ast.Call) and dotted(node.func) in (
            "list",
            "tuple",
            "next",
            "iter",
            "enumerate",
            "zip",
            "map",
            "dict",
        ):
            iterated = list(node.args)
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(
            (".join", ".extend", ".pop")
        ):
            iterated = [*node.args, node.func]
        for part in iterated:
            assert not is_set(part, known), f"line {part.lineno}: {ast.unparse(part)}"


@engine
def test_a_cancel_is_never_swallowed_unseen(source: Module) -> None:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            assert caught not in ("", "BaseException", "Exception"), f"line {node.lineno}"
