"""Scripts in a case: small Python ones run here, all others are said not to be run.

For the stubs. Only what can do no harm runs: assignments, conditions, arithmetic, calls of what a
script is given; no loops, imports or attributes but those named here. Not the script engine of a
deployment. (EL reference sections 11 and 13.)
"""

import ast
import builtins
import json
from collections.abc import Mapping
from contextlib import suppress
from types import CodeType
from typing import Final

from pydantic import JsonValue

from activities.component import Context, Unreadable
from api.simulation.cases import Node
from api.simulation.values import Moment

LANGUAGES: Final = ("python", None, "")

_STATEMENTS: Final = (ast.Expr, ast.Assign, ast.AugAssign, ast.If, ast.Return, ast.Raise, ast.Pass)
_PARTS: Final = (
    *(ast.Constant, ast.Name, ast.Load, ast.Store, ast.JoinedStr, ast.FormattedValue),
    *(ast.List, ast.Tuple, ast.Dict, ast.Subscript, ast.Attribute, ast.Call, ast.IfExp),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.boolop, ast.unaryop, ast.cmpop),
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
)
_ATTRIBUTES: Final = frozenset(
    {"setData", "getData", "hasData", "get", "setIsEnd", "getTag", "getBindData", "append"}
)
_GIVEN: Final = frozenset(
    {
        *("len", "str", "int", "float", "bool", "abs", "min", "max", "round", "sum", "sorted"),
        *("Exception", "ValueError", "TypeError", "KeyError", "RuntimeError", "ArithmeticError"),
    }
)
_NAMES: Final = frozenset({"defaultContext", "_meta"})


class _DefaultContext:
    """The shared context, as scripts for LiteFlow call it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._written: dict[str, JsonValue] = {}

    def setData(self, key: str, value: JsonValue) -> None:  # noqa: N802 - LiteFlow's name
        self._written[key] = value
        self._context.set(key, value)

    def getData(self, key: str) -> JsonValue:  # noqa: N802 - LiteFlow's name
        return self._written[key] if key in self._written else self._context.get(key)

    def hasData(self, key: str) -> bool:  # noqa: N802 - LiteFlow's name
        return self.getData(key) is not None


class _Cmp:
    """The running component, as scripts for LiteFlow call it."""

    def __init__(self, moment: Moment) -> None:
        self._step = moment.step

    def setIsEnd(self, end: bool) -> None:  # noqa: N802, FBT001 - LiteFlow's
        if end:
            self._step.end()

    def getTag(self) -> str | None:  # noqa: N802 - LiteFlow's name
        return self._step.tag

    def getBindData(self, key: str) -> JsonValue:  # noqa: N802 - LiteFlow's name
        return self._step.bind(key)


def not_run(node: Node) -> str | None:
    """Why the script of a node does not run here; None if it does."""
    if node.script is None:
        return None
    if node.language not in LANGUAGES:
        return f"scripts in {node.language} are not run here"
    try:
        tree = ast.parse(node.script)
    except SyntaxError as error:
        return f"the script is no Python: {error.msg} (line {error.lineno})"
    strange = next((part for part in ast.walk(tree) if not _harmless(part)), None)
    if strange is None:
        return None
    line = getattr(strange, "lineno", 1)
    return f"the script has {type(strange).__name__} in line {line}, which is not run here"


def run_script(node: Node, moment: Moment) -> JsonValue:
    """What the script returns. Raises Unreadable for one that does not run here."""
    why = not_run(node)
    if why is not None:
        raise Unreadable(f"{why}; give the stub 'returns' in its place")
    step = moment.step
    meta = {
        "slotIndex": 0,
        "currChainId": step.current_chain,
        "nodeId": step.component,
        "tag": step.tag,
        "cmpData": _data(step.data),
        "loopIndex": step.index,
        "loopObject": step.object,
        "cmp": _Cmp(moment),
        "requestData": moment.request,
        "subRequestData": _call_of(moment),
    }
    given = {name: getattr(builtins, name) for name in _GIVEN}
    names: dict[str, object] = {
        "__builtins__": {"print": lambda *_: None, **given},
        "defaultContext": _DefaultContext(moment.context),
        "_meta": meta,
    }
    assert node.script is not None
    exec(_function(node.script), names)  # noqa: S102 - what it may hold was looked through
    script = names["script"]
    assert callable(script)
    result: JsonValue = script()
    return result


def _call_of(moment: Moment) -> JsonValue:
    """What a step that ran the chain gave it, in whose text this step stands."""
    step = moment.step
    # A run of the simulation is called as its chain; those of its steps have paths behind that.
    called = "/" in step.execution_id
    return moment.request if called and step.current_chain == step.chain else None


def _function(text: str) -> CodeType:
    """The script as a function, which `return` leaves and nothing outlives."""
    tree = ast.parse("def script(): pass")
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body = ast.parse(text).body or function.body
    return compile(ast.fix_missing_locations(tree), "<script>", "exec")


def _harmless(part: ast.AST) -> bool:
    match part:
        case ast.Attribute(attr=name):
            return name in _ATTRIBUTES
        case ast.Name(id=name):
            return name in _NAMES or not name.startswith("_")
        case ast.keyword() | ast.Module():
            return True
    return isinstance(part, (*_STATEMENTS, *_PARTS))


def _data(text: str | None) -> Mapping[str, JsonValue] | str | None:
    """A JSON object as a mapping; a plain text stays a text."""
    if text is not None:
        with suppress(ValueError):
            data = json.loads(text)
            if isinstance(data, dict):
                return data
    return text
