"""`chainsaga explain`: a chain as a tree in words, and what is undone when each step fails."""

import argparse
from collections.abc import Iterator, Mapping, Sequence

from api.cli import planning
from api.cli.undone import Beside, Failing, Item, Undoing
from api.cli.words import parts, words
from rules.plan import ComponentPolicy, FailureStrategy, PlanNode, StepNode

_INDENT = "  "


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    planning.arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Print the explanation."""
    planned = planning.planned(options)
    plan, assumed = planned.plan, planned.components.assumed
    lines = [f"{plan.chain}: {plan.nodes} nodes", ""]
    lines += _tree(plan.root, "0", "", 0, plan.components)
    lines += ["", "If a step fails for good, this is undone, in this order:"]
    for failing in Undoing(plan.components, assumed).failing(plan.root):
        lines += _failure(failing, plan.components[failing.component])
    print("\n".join(lines))
    return 0


def _tree(
    node: PlanNode, path: str, role: str, depth: int, components: Mapping[str, ComponentPolicy]
) -> Iterator[str]:
    before = f"{role}: " if role else ""
    after = _about(components[node.component]) if isinstance(node, StepNode) else ""
    yield f"{_INDENT * depth}{path}  {before}{words(node)}{after}"
    for part in parts(node, path):
        yield from _tree(part.node, part.path, part.role, depth + 1, components)


def _about(policy: ComponentPolicy) -> str:
    about = []
    if policy.compensate is not None:
        about.append(f"undone by {policy.compensate}")
    elif policy.irreversible:
        about.append("cannot be undone")
    elif policy.read_only and policy.kind == "common":
        about.append("only reads")
    match policy.on_failure.strategy:
        case FailureStrategy.RETRY:
            about.append("has further rounds when it fails")
        case FailureStrategy.MANUAL:
            about.append("a person decides when it fails")
        case FailureStrategy.IGNORE:
            about.append("its failure is ignored")
        case FailureStrategy.COMPENSATE:
            pass
    return f" ({'; '.join(about)})" if about else ""


def _failure(failing: Failing, policy: ComponentPolicy) -> Iterator[str]:
    name = f"{_INDENT}{failing.path}  {failing.component}"
    if failing.absorbed is not None:
        yield f"{name}: nothing, {failing.absorbed}"
    elif not failing.undone:
        yield f"{name}: nothing"
    else:
        asked = policy.on_failure.strategy is FailureStrategy.MANUAL
        decided = ", if a person decides so" if asked else ""
        unless = "" if failing.unless is None else f", unless {failing.unless}"
        yield f"{name}{decided}{unless}:"
        yield from _items(failing.undone, 2)


def _items(items: Sequence[Item], depth: int) -> Iterator[str]:
    indent = _INDENT * depth
    for item in items:
        if isinstance(item, Beside):
            yield f"{indent}in reverse order of completion:"
            for branch in item.branches:
                first, *rest = _items(branch, 0)
                yield f"{indent}{_INDENT}- {first}"
                yield from (f"{indent}{_INDENT * 2}{line}" for line in rest)
            continue
        notes = f", {', '.join(item.notes)}" if item.notes else ""
        undo = f"{item.compensation} undoes {item.component}"
        if item.compensation is None:
            undo = f"{item.component}, if it has a compensation"
        yield f"{indent}{undo} ({item.path}){notes}"
