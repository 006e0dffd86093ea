"""A chain as a picture that knows no format: boxes in rows, forks and frames.

For `api.cli.mermaid` and `api.cli.svg`. A plan is well nested, so its picture is a tree too, and
both can draw it without looking for a place for anything.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from api.cli.words import answer, joining, words
from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    Plan,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)

Shape = Literal["step", "asked", "note", "end"]


@dataclass(frozen=True, slots=True)
class Box:
    """Something with a text."""

    text: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Row:
    """One after the other; at least one."""

    items: tuple["Picture", ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Behind the head the ways part, each with its label; None is a way with nothing on it.

    Where they meet again stands `join`, if there is something to say.
    """

    head: "Picture"
    ways: tuple[tuple[str, "Picture | None"], ...]
    join: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Something of which the title says how it runs."""

    title: str
    inner: "Picture"


Picture: TypeAlias = Box | Row | Fork | Frame


def picture(plan: Plan) -> Picture:
    """The picture of a plan, from the chain's name to the end."""
    return Row((Box(plan.chain, "end"), _drawn(plan.root), Box("end", "end")))


def _drawn(node: PlanNode) -> Picture:
    match node:
        case StepNode():
            return Box(words(node), "step")
        case ThenNode():
            last = [Frame("finally, in any case", _drawn(block)) for block in node.last or ()]
            return _row(*map(_drawn, node.items), *last)
        case WhenNode(wraps=True):
            return Frame(words(node), _row(*map(_drawn, node.items)))
        case WhenNode():
            return _side_by_side(node)
        case IfNode():
            otherwise = None if node.otherwise is None else _drawn(node.otherwise)
            return Fork(_asked(node.test), (("yes", _drawn(node.then)), ("no", otherwise)))
        case SwitchNode():
            ways = [(answer(target), _drawn(target.node)) for target in node.targets]
            if node.default is not None:
                ways.append(("otherwise", _drawn(node.default)))
            return Fork(_asked(node.head), tuple(ways))
        case LoopNode():
            return _loop(node)
        case CatchNode():
            tried = Frame(words(node), _drawn(node.body))
            if node.handler is None:
                return tried
            return Fork(tried, (("done", None), ("failed", _drawn(node.handler))))
        case ChainNode() | RetryNode():
            return Frame(words(node), _drawn(node.body))
        case LogicNode():
            return _asked(node)
    assert_never(node)


def _side_by_side(node: WhenNode) -> Picture:
    must = node.must or ()
    ways = ("must" if index in must else "" for index in range(len(node.items)))
    drawn = tuple(zip(ways, map(_drawn, node.items), strict=True))
    return Fork(Box("side by side", "note"), drawn, joining(node))


def _loop(node: LoopNode) -> Picture:
    inside = [_drawn(node.body)]
    if node.until is not None:
        inside.append(Fork(_asked(node.until), (("yes: leave", None), ("no: next pass", None))))
    if isinstance(node.head, bool | int):
        return Frame(words(node), _row(*inside))
    if node.op == "while":
        return Frame(words(node), _row(_asked(node.head), *inside))
    return _row(_asked(node.head), Frame(words(node), _row(*inside)))


def _asked(node: PlanNode) -> Picture:
    if isinstance(node, LogicNode):
        return Frame(words(node), _row(*map(_asked, node.items)))
    if isinstance(node, StepNode):
        return Box(words(node), "asked")
    return _drawn(node)


def _row(*items: Picture) -> Picture:
    """One after the other, rows in rows made flat."""
    flat: list[Picture] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Row) else (item,))
    return flat[0] if len(flat) == 1 else Row(tuple(flat))
