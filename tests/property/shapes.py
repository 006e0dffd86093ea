"""All shapes of short chains, and a chain's text.

A shape has at most four steps (the heads of IF count) under at most four operators. Left out is
what is the same as another shape: a THEN in a THEN, a THEN or WHEN of one, CATCH(CATCH(x)), and the
order of the branches of a WHEN (which of them fails, and which ends first, is the cases' matter).
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from rules.plan import CatchNode, IfNode, PlanNode, StepNode, ThenNode, WhenNode

MOST_STEPS: Final = 4
MOST_OPERATORS: Final = 4
STEPS: Final = "abcd"
HEADS: Final = "pqrs"

STEP: Final = StepNode(component="")


@cache
def shapes(steps: int, operators: int = MOST_OPERATORS) -> tuple[PlanNode, ...]:
    """Every shape of exactly so many steps, its components not yet named."""
    single = (STEP,) if steps == 1 else ()
    if operators == 0:
        return single
    kinds = (_sequences, _sides, _branches, _catches)
    return (*single, *(shape for kind in kinds for shape in kind(steps, operators)))


def _sequences(steps: int, operators: int) -> Iterator[PlanNode]:
    for items in _rows(steps, operators - 1):
        if len(items) > 1 and not any(isinstance(item, ThenNode) for item in items):
            yield ThenNode(items=items)


def _sides(steps: int, operators: int) -> Iterator[PlanNode]:
    for items in _rows(steps, operators - 1):
        if len(items) > 1 and list(items) == sorted(items, key=repr):
            yield WhenNode(items=items)


def _branches(steps: int, operators: int) -> Iterator[PlanNode]:
    for items in _rows(steps - 1, operators - 1):
        if len(items) <= 2:
            yield IfNode(test=STEP, then=items[0], otherwise=items[1] if items[1:] else None)


def _catches(steps: int, operators: int) -> Iterator[PlanNode]:
    for items in _rows(steps, operators - 1):
        # What a CATCH without handler lets through, another one around it need not catch.
        bare = isinstance(items[0], CatchNode) and items[0].handler is None
        if len(items) <= 2 and not bare:
            yield CatchNode(body=items[0], handler=items[1] if items[1:] else None)


def _rows(steps: int, operators: int) -> Iterator[tuple[PlanNode, ...]]:
    """Blocks side by side that have so many steps together, and no more operators."""
    for first in range(1, steps + 1):
        for block in shapes(first, operators):
            if first == steps:
                yield (block,)
            for others in _rows(steps - first, operators - count(block)):
                yield (block, *others)


def inner(node: PlanNode) -> tuple[PlanNode | None, ...]:
    """The blocks directly in a block, in the order of their paths."""
    match node:
        case StepNode():
            return ()
        case ThenNode() | WhenNode():
            return node.items
        case IfNode():
            return (node.test, node.then, node.otherwise)
        case CatchNode():
            return (node.body, node.handler)
        case _:
            raise NotImplementedError(node.op)


def count(node: PlanNode) -> int:
    """How many operators a block has."""
    own = not isinstance(node, StepNode)
    return own + sum(count(part) for part in inner(node) if part is not None)


def of_nodes(nodes: int) -> list[PlanNode]:
    """Every shape of exactly so many nodes: steps and operators."""
    return [
        shape
        for steps in range(1, min(nodes, MOST_STEPS) + 1)
        for shape in shapes(steps)
        if count(shape) + steps == nodes
    ]


def steps_of(node: PlanNode, path: str = "0", *, head: bool = False) -> dict[str, bool]:
    """Every step by its path, in the order of the text, and whether it is the head of an IF."""
    if isinstance(node, StepNode):
        return {path: head}
    return {
        at: is_head
        for index, part in enumerate(inner(node))
        if part is not None
        for at, is_head in steps_of(
            part, f"{path}.{index}", head=isinstance(node, IfNode) and index == 0
        ).items()
    }


def named(shape: PlanNode) -> PlanNode:
    """The shape with its components: `a` to `d`, and `p` to `s` for the heads, as they come."""
    names = {
        path: (HEADS if head else STEPS)[number]
        for number, (path, head) in enumerate(steps_of(shape).items())
    }
    return _named(shape, "0", names)


def _named(node: PlanNode, path: str, names: dict[str, str]) -> PlanNode:
    def part(index: int, block: PlanNode) -> PlanNode:
        return _named(block, f"{path}.{index}", names)

    match node:
        case StepNode():
            return StepNode(component=names[path])
        case ThenNode() | WhenNode():
            items = tuple(part(index, item) for index, item in enumerate(node.items))
            return node.model_copy(update={"items": items})
        case IfNode():
            otherwise = None if node.otherwise is None else part(2, node.otherwise)
            return IfNode(test=part(0, node.test), then=part(1, node.then), otherwise=otherwise)
        case CatchNode():
            handler = None if node.handler is None else part(1, node.handler)
            return CatchNode(body=part(0, node.body), handler=handler)
        case _:
            raise NotImplementedError(node.op)


def text_of(node: PlanNode) -> str:
    """The chain as EL."""
    if isinstance(node, StepNode):
        return node.component
    if isinstance(node, CatchNode):
        done = f".DO({text_of(node.handler)})" if node.handler is not None else ""
        return f"CATCH({text_of(node.body)}){done}"
    items = ", ".join(text_of(part) for part in inner(node) if part is not None)
    return f"{node.op.upper()}({items})"
