"""Rules about what steps share: the context side by side, and a person's time.

For `rules.lint.table`. Each is a pure function from the survey to its findings. A plan says what
of the context a component asks for, not what it writes: only a parameter of the type `Context`
tells that it may.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rules.el.findings import quoted
from rules.lint.finding import Finding
from rules.lint.survey import Survey
from rules.plan import ComponentPolicy, FailureStrategy, PlanNode, StepNode
from rules.tree import children, passes


class _Use(NamedTuple):
    """The first step of a block that takes the whole context, and the first that takes keys."""

    whole: StepNode | None
    keys: StepNode | None


def shared_context(found: Survey) -> Iterator[Finding]:
    """A step with the whole context, side by side with one that uses the context too."""
    uses: dict[int, _Use] = {}
    _note_uses(found.plan.root, found.plan.components, uses)
    for when in found.whens:
        pair = _clash([uses[id(item)] for item in when.items])
        if pair is not None:
            yield _shared(*pair)
    for loop in found.loops:
        use = uses[id(loop.body)]
        bound = passes(loop)
        if loop.parallel and use.whole is not None and (bound is None or bound > 1):
            yield _shared(use.whole, use.whole)


def whole_context(found: Survey) -> Iterator[Finding]:
    """A component that is sent the whole context."""
    seen: set[str] = set()
    for one in found.steps:
        # What runs chains is sent it for them.
        policy = one.policy
        chosen = policy.needs.whole_context and not policy.runs_chains and policy.script is None
        if chosen and one.policy.id not in seen:
            seen.add(one.policy.id)
            yield Finding(
                one.step,
                f"{quoted(one.policy.id)} takes the whole context: all of it is sent with every "
                "call, stands in the history, and counts for the limit of a step's input",
            )


def manual_in_loser(found: Survey) -> Iterator[Finding]:
    """A step that asks a person, where the chain may have gone on meanwhile."""
    seen: set[str] = set()
    for one in found.steps:
        if one.around.loser is not None and _asks(one.policy) and one.policy.id not in seen:
            seen.add(one.policy.id)
            yield Finding(
                one.step,
                f"{quoted(one.policy.id)} asks a person when it fails, but stands in a branch "
                "that the chain may go on without: nobody is asked, or the question is withdrawn, "
                "once the branch has lost",
            )


def _asks(policy: ComponentPolicy) -> bool:
    on_failure = policy.on_failure
    if on_failure.strategy is FailureStrategy.RETRY:
        return on_failure.afterwards == "MANUAL"
    return on_failure.strategy is FailureStrategy.MANUAL


def _note_uses(
    node: PlanNode, components: Mapping[str, ComponentPolicy], uses: dict[int, _Use]
) -> _Use:
    """Note for every node, by id, which steps in it use the context."""
    whole: StepNode | None = None
    keys: StepNode | None = None
    if isinstance(node, StepNode):
        needs = components[node.component].needs
        whole = node if needs.whole_context else None
        keys = node if needs.context_keys else None
    for child in children(node):
        use = _note_uses(child, components, uses)
        whole = whole or use.whole
        keys = keys or use.keys
    found = uses[id(node)] = _Use(whole, keys)
    return found


def _clash(branches: Sequence[_Use]) -> tuple[StepNode, StepNode] | None:
    """A step with the whole context, and one of another branch that uses the context."""
    first: tuple[int, StepNode] | None = None
    for index, use in enumerate(branches):
        if use.whole is not None:
            if first is not None:
                return first[1], use.whole
            first = (index, use.whole)
    if first is None:
        return None
    others = (use.keys for index, use in enumerate(branches) if index != first[0])
    keyed = next((step for step in others if step is not None), None)
    return None if keyed is None else (first[1], keyed)


def _shared(one: StepNode, other: StepNode) -> Finding:
    if one is other:
        words = f"passes of {quoted(one.component)} run side by side with the whole context"
    else:
        words = f"{quoted(one.component)}, with the whole context, and {quoted(other.component)}"
        words += ", which uses the context too, run side by side"
    return Finding(
        one,
        f"{words}: whether they write the same key cannot be known, since writes are not "
        "declared; each sees the context as of its start, and of two writes the later counts",
    )
