"""How to go through a plan: the nodes directly below a node, in the order in which they begin.

For checks that read plans. Knows the shapes of `rules.plan`, not what they mean at run time.
"""

from typing import assert_never

from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
    LogicNode,
    LoopNode,
    PlanNode,
    RetryNode,
    StepNode,
    SwitchNode,
    ThenNode,
    WhenNode,
)


def children(node: PlanNode) -> tuple[PlanNode, ...]:
    """The nodes directly below it; a literal head is none."""
    match node:
        case StepNode():
            return ()
        case ThenNode():
            return node.items if node.last is None else (*node.items, *node.last)
        case WhenNode() | LogicNode():
            return node.items
        case IfNode():
            return _present(node.test, node.then, node.otherwise)
        case SwitchNode():
            targets = (target.node for target in node.targets)
            return _present(node.head, *targets, node.default)
        case LoopNode():
            head = None if isinstance(node.head, int) else node.head
            return _present(head, node.body, node.until)
        case CatchNode():
            return _present(node.body, node.handler)
        case ChainNode() | RetryNode():
            return (node.body,)
    assert_never(node)


def first_step(node: PlanNode) -> StepNode:
    """The step that is written first in it."""
    while not isinstance(node, StepNode):
        node = children(node)[0]
    return node


def passes(loop: LoopNode) -> int | None:
    """How many passes its literal head allows at most; None where nothing in the chain says."""
    head = loop.head
    if head is False:
        return 0
    if head is True or not isinstance(head, int):
        return None
    return max(head, 0)


def _present(*nodes: PlanNode | None) -> tuple[PlanNode, ...]:
    return tuple(node for node in nodes if node is not None)
