"""Where a path stands in a plan: which node it is, and what runs side by side with it."""

import re
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from typing import Final

from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    PlanNode,
    RetryNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)

PARTS: Final = re.compile(r"[.#~]\d+")


def node_at(root: PlanNode, path: str) -> PlanNode:
    """The node of the plan at a path. Raises LookupError."""
    node = root
    for part in PARTS.findall(path):
        node = _inside(node, part)
    return node


def _inside(node: PlanNode, part: str) -> PlanNode:
    mark, number = part[0], int(part[1:])
    match node, mark:
        case LoopNode(), "#":
            return node.body
        case RetryNode(), "~":
            return node.body
        case (_, "#"):  # a pass of a loop's head or of its BREAK
            return node
    found = _children(node)[number]
    if found is None or isinstance(found, bool | int):
        raise LookupError(part)
    return found


def _children(node: PlanNode) -> tuple["PlanNode | bool | int | None", ...]:
    match node:
        case ThenNode():
            return (*node.items, *(node.last or ()))
        case WhenNode() | LogicNode():
            return node.items
        case IfNode():
            return (node.test, node.then, node.otherwise)
        case ChainNode():
            return (node.body,)
        case CatchNode():
            return (node.body, node.handler)
        case SwitchNode():
            return (node.head, *(target.node for target in node.targets), node.default)
        case LoopNode():
            return (node.head, None, node.until)
    raise LookupError(node.op)


def side_by_side(root: PlanNode, one: str, other: str) -> bool:
    """Whether the block in which two paths part runs its insides side by side."""
    node = root
    for first, second in zip_longest(PARTS.findall(one), PARTS.findall(other), fillvalue=""):
        if first != second:
            return isinstance(node, WhenNode) or (isinstance(node, LoopNode) and bool(node.parallel))
        node = _inside(node, first)
    return False
