"""Which target the answer of a SWITCH's head chooses (EL reference section 4, SWITCH).

For the interpreter. Pure.
"""

from pydantic import JsonValue

from rules.plan import PlanNode, SwitchNode, Target


def target_ids(node: SwitchNode) -> tuple[str, ...]:
    """The ids that the head can choose from, as it is told of them."""
    return tuple(target.id for target in node.targets if target.id is not None)


def choose(node: SwitchNode, answer: JsonValue) -> tuple[int, PlanNode] | None:
    """The chosen target with its index, the default's being the last; None if there is none."""
    wanted = answer if isinstance(answer, str) else ""
    if wanted:
        for index, target in enumerate(node.targets):
            if _fits(target, wanted):
                return index, target.node
    if node.default is not None:
        return len(node.targets), node.default
    return None


def _fits(target: Target, wanted: str) -> bool:
    """`id`, or `id:tag`, `:tag`, `id:`, `tag:tag`; a lone colon fits nothing."""
    left, colon, right = wanted.partition(":")
    if not colon:
        return target.id == wanted
    if not left and not right:
        return False
    if left == "tag":
        return target.tag == right
    return left in ("", target.id) and right in ("", target.tag)
