"""A shape as a compiled chain: where its steps stand, and all that its heads may answer."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Final, TypeAlias

from rules.compiler import ChainText, compile_chain
from rules.plan import (
    CatchNode,
    ChainNode,
    ComponentPolicy,
    IfNode,
    Kind,
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
from tests.property.model_case import Answer
from tests.property.shapes import HEADS, LETTERS, Shape, written

Places: TypeAlias = Mapping[str, StepNode]
Answers: TypeAlias = Mapping[str, tuple[Answer, ...]]

MOST: Final = len(LETTERS["c"])
NAMES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "common": tuple(LETTERS["c"]),
    "boolean": tuple(LETTERS["b"]),
    "for": tuple(f"{HEADS['f']}{number}" for number in range(MOST)),
    "iterator": tuple(f"{HEADS['i']}{number}" for number in range(MOST)),
    "switch": tuple(f"{HEADS['s']}{number}" for number in range(MOST)),
}
KINDS: Final = {name: kind for kind, names in NAMES.items() for name in names}
POLICIES: Final = {name: ComponentPolicy(id=name, kind=kind) for name, kind in KINDS.items()}

# A pass has a number; the last answer repeats.
ONCE: Final = ((True,), (False,))
INSIDE: Final = ((True,), (False,), (False, True))
HEAD: Final = ((False,), (True, False), (True, True, False))
BREAK: Final = ((True,), (False,), (False, True))
COMBINED: Final = ((True,), (False,), (True, False), (False, True))
COUNTS: Final[tuple[tuple[Answer, ...], ...]] = ((2,), (1,), (0,))
LISTS: Final[tuple[tuple[Answer, ...], ...]] = ((("x", "y"),), (("x",),), ((),))
FAR: Final = 9


@cache
def compiled(shape: Shape) -> Plan:
    """The shape as the compiler understands its text."""
    text, included = written(shape)
    chains = {name: ChainText(name, body) for name, body in included.items()}
    chains["short"] = ChainText("short", text)
    return compile_chain("short", chains=chains, components=POLICIES).plan


def parts(node: PlanNode, path: str) -> Iterator[tuple[str, PlanNode]]:
    """The blocks directly in a block, with their places."""
    blocks: tuple[PlanNode | None, ...] = ()
    match node:
        case ThenNode():
            blocks = (*node.items, *(node.last or ()))
        case WhenNode() | LogicNode():
            blocks = node.items
        case IfNode():
            blocks = (node.test, node.then, node.otherwise)
        case SwitchNode():
            blocks = (node.head, *(target.node for target in node.targets), node.default)
        case CatchNode():
            blocks = (node.body, node.handler)
        case ChainNode():
            blocks = (node.body,)
        case RetryNode():
            yield f"{path}~", node.body
        case LoopNode():
            if not isinstance(node.head, int):
                yield f"{path}.0" + "#" * (node.op == "while"), node.head
            yield f"{path}#", node.body
            if node.until is not None:
                yield f"{path}.2#", node.until
    yield from ((f"{path}.{i}", block) for i, block in enumerate(blocks) if block is not None)


def nodes(node: PlanNode, path: str = "0") -> Iterator[tuple[str, PlanNode]]:
    """Every block by its place, in the order of the text."""
    yield path, node
    for at, part in parts(node, path):
        yield from nodes(part, at)


@cache
def places(shape: Shape) -> Places:
    """Every step by its place."""
    found = nodes(compiled(shape).root)
    return {at: node for at, node in found if isinstance(node, StepNode)}


@cache
def answers(shape: Shape) -> tuple[Answers, ...]:
    """Everything that the heads together may answer, as far as no loop runs for ever."""
    root = compiled(shape).root
    choices = dict(_choices(root, "0"))
    every = (dict(zip(choices, given, strict=True)) for given in product(*choices.values()))
    loops = [(at, node) for at, node in nodes(root) if isinstance(node, LoopNode)]
    return tuple(given for given in every if all(_ends(at, loop, given) for at, loop in loops))


def _choices(
    node: PlanNode, path: str, role: tuple[tuple[bool, ...], ...] | None = None
) -> Iterator[tuple[str, tuple[tuple[Answer, ...], ...]]]:
    if isinstance(node, StepNode):
        match KINDS[node.component]:
            case "boolean":
                yield path, role or (INSIDE if "#" in path else ONCE)
            case "for":
                yield path, COUNTS
            case "iterator":
                yield path, LISTS
        return
    for at, part in parts(node, path):
        if isinstance(node, SwitchNode) and part is node.head:
            tags = [f"tag:{target.tag}" for target in node.targets if target.tag]
            ids = [target.id for target in node.targets if target.id]
            yield at, tuple((answer,) for answer in (*ids, *tags, "nothing", ""))
        elif isinstance(node, LogicNode):
            yield from _choices(part, at, role and COMBINED)
        elif isinstance(node, LoopNode) and part is not node.body:
            yield from _choices(part, at, BREAK if part is node.until else HEAD)
        else:
            yield from _choices(part, at)


def _ends(path: str, loop: LoopNode, given: Answers) -> bool:
    """Whether the loop ends by what is answered, however its passes go."""

    def says(node: PlanNode, at: str) -> bool:
        if isinstance(node, StepNode):
            return bool(given[at][min(FAR, len(given[at]) - 1)])
        values = [says(part, where) for where, part in parts(node, at)]
        if node.op == "not":
            return not values[0]
        return all(values) if node.op == "and" else any(values)

    if loop.op != "while" or loop.head is False:
        return True
    if loop.until is not None and says(loop.until, f"{path}.2#"):
        return True
    return not isinstance(loop.head, int) and not says(loop.head, f"{path}.0#")
