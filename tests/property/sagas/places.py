"""Where a path stands in a plan: which node it is, and what must have ended before it."""

import re
from itertools import zip_longest
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


def known_before(root: PlanNode, one: str, other: str) -> bool:
    """Whether a saga knows how `one` ended before it begins `other`, if that comes later.

    Not of what runs side by side, nor of a branch that may have lost before.
    """
    nodes, parts = [root], PARTS.findall(one)
    for part in parts:
        nodes.append(_inside(nodes[-1], part))
    others = PARTS.findall(other)
    parted = next(n for n, pair in enumerate(zip_longest(parts, others)) if pair[0] != pair[1])
    around = nodes[parted]
    if isinstance(around, WhenNode) or (isinstance(around, LoopNode) and around.parallel):
        return False
    inside = zip(nodes[parted:], parts[parted:], strict=False)
    return not any(_may_lose(node, int(part[1:])) for node, part in inside)


def _may_lose(node: PlanNode, child: int) -> bool:
    match node:
        case WhenNode():
            early = (node.any, node.must, node.percentage, node.max_wait)
            return any(way is not None for way in early)
        case ThenNode():
            return child >= len(node.items)  # a FINALLY has a limit
    return False
