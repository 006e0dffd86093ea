"""A plan's nodes in words, and what stands inside of them.

For `explain` and `graph`. Paths are those of the interpreter, without the numbers of passes and
tries: `0.1#.0` is the first child of the body of the loop at `0.1`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
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
    Target,
    ThenNode,
    WhenNode,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A node inside of another; `role` is what it is there for, empty where that is plain."""

    role: str
    path: str
    node: PlanNode


def parts(node: PlanNode, path: str) -> Iterator[Part]:
    """What stands directly inside of a node, in the order of the interpreter's paths."""
    match node:
        case StepNode():
            return
        case ThenNode():
            for index, item in enumerate((*node.items, *(node.last or ()))):
                role = "" if index < len(node.items) else "finally"
                yield Part(role, f"{path}.{index}", item)
        case WhenNode():
            for index, item in enumerate(node.items):
                needed = node.must is not None and index in node.must
                yield Part("must" if needed else "", f"{path}.{index}", item)
        case LogicNode():
            for index, item in enumerate(node.items):
                yield Part("", f"{path}.{index}", item)
        case IfNode():
            yield Part("if", f"{path}.0", node.test)
            yield Part("then", f"{path}.1", node.then)
            if node.otherwise is not None:
                yield Part("else", f"{path}.2", node.otherwise)
        case SwitchNode():
            yield Part("asked", f"{path}.0", node.head)
            for index, target in enumerate(node.targets, start=1):
                yield Part(answer(target), f"{path}.{index}", target.node)
            if node.default is not None:
                yield Part("otherwise", f"{path}.{len(node.targets) + 1}", node.default)
        case LoopNode():
            if not isinstance(node.head, bool | int):
                mark = "#" if node.op == "while" else ""
                yield Part("asked", f"{path}.0{mark}", node.head)
            yield Part("each pass", f"{path}#", node.body)
            if node.until is not None:
                yield Part("leave if", f"{path}.2#", node.until)
        case CatchNode():
            yield Part("try", f"{path}.0", node.body)
            if node.handler is not None:
                yield Part("if that fails", f"{path}.1", node.handler)
        case ChainNode():
            yield Part("", f"{path}.0", node.body)
        case RetryNode():
            yield Part("", f"{path}~", node.body)
        case _:
            assert_never(node)


def words(node: PlanNode) -> str:
    """A node in words, without what stands inside of it."""
    return f"{_words(node)}{_marks(node)}"


def answer(target: Target) -> str:
    """What a switch component says to choose a target."""
    names = [target.id] if target.id is not None else []
    if target.tag is not None:
        names.append(f"tag:{target.tag}")
    return f"case {' or '.join(names)}" if names else "case"


def joining(node: WhenNode) -> str:
    """When a WHEN goes on."""
    if node.any:
        on = "goes on when the first is done"
    elif node.must is not None:
        on = "goes on when those marked 'must' are done"
    elif node.percentage is not None:
        on = f"goes on when {node.percentage * 100:g} % are done"
    else:
        on = "goes on when all are done"
    limit = "" if node.max_wait is None else f", each within {seconds(node.max_wait)}"
    ignored = "; failures are ignored" if node.ignore_error else ""
    return f"{on}{limit}{ignored}"


def passes(node: LoopNode) -> str:
    """How often a loop runs."""
    if node.op == "for":
        often = f"{node.head} times" if isinstance(node.head, int) else "as often as asked"
    elif node.op == "while":
        often = "as long as asked"
        if isinstance(node.head, bool):
            often = "without end" if node.head else "never"
    else:
        often = "for each object"
    return f"{often}, all passes side by side" if node.parallel else often


def retries(times: int, types: tuple[str, ...]) -> str:
    """How often something is tried again."""
    only = f" after {', '.join(types)}" if types else ""
    return f"tried again up to {times} {'time' if times == 1 else 'times'}{only}"


def seconds(milliseconds: int) -> str:
    """A time limit."""
    return f"{milliseconds / 1000:g} s"


def _words(node: PlanNode) -> str:
    match node:
        case StepNode():
            again = "" if node.retry is None else retries(node.retry.times, node.retry.types)
            return f"{node.component}, {again}" if again else node.component
        case ThenNode():
            return "one after the other"
        case WhenNode(wraps=True):
            limit = "" if node.max_wait is None else f" within {seconds(node.max_wait)}"
            return f"has to be done{limit}{'; failures are ignored' if node.ignore_error else ''}"
        case WhenNode():
            return f"side by side; {joining(node)}"
        case IfNode():
            return "one of two" if node.otherwise is not None else "perhaps"
        case SwitchNode():
            return "one of several"
        case ChainNode():
            return f"the chain {node.chain}"
        case CatchNode():
            return "failures are absorbed"
        case RetryNode():
            return retries(node.times, node.types)
        case LoopNode():
            return f"loop, {passes(node)}"
        case LogicNode():
            return {"and": "all of", "or": "one of", "not": "not"}[node.op]
    assert_never(node)


def _marks(node: PlanNode) -> str:
    marks = []
    tag = None if isinstance(node, RetryNode) else node.tag
    if not isinstance(node, StepNode | ChainNode | RetryNode) and node.id is not None:
        marks.append(f"id {node.id}")
    if tag is not None:
        marks.append(f"tag {tag}")
    return f" [{', '.join(marks)}]" if marks else ""
