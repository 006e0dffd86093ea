"""The current details of a run: its chain as a Markdown tree with each node's state.

For Temporal's Web UI and `temporal workflow metadata`. Pure; knows plan and stack only.
"""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from rules.execution import EntryStatus, StackEntry
from rules.plan import ChainNode, IfNode, Plan, PlanNode, StepNode, ThenNode, WhenNode
from rules.wire import SagaState

LINES: Final = 300

MARKS: Final[Mapping[EntryStatus, str]] = {
    EntryStatus.RUNNING: "⏳ running",
    EntryStatus.COMPLETED: "✅ done",
    EntryStatus.FAILED: "❌ refused",
    EntryStatus.UNKNOWN: "❓ outcome unknown",
    EntryStatus.COMPENSATING: "⏳ undoing",
    EntryStatus.COMPENSATED: "↩️ undone",
    EntryStatus.SKIPPED: "⏭️ skipped",
    EntryStatus.COMPENSATION_FAILED: "🛑 undo failed",
    EntryStatus.COMPENSATION_SKIPPED: "⏭️ undo skipped",
}


def render(plan: Plan, state: SagaState) -> str:
    """The tree, at most `LINES` lines of it, under a headline with the saga's status."""
    latest = {entry.path: entry for entry in state.stack}
    headline = f"**{plan.chain}** version {plan.version}: **{state.status.value}**"
    if state.failure is not None:
        failure = state.failure
        headline += f"\n\n`{failure.component}`: {failure.error.message} ({failure.error.code})"
    lines: list[str] = []
    for line in _lines(plan.root, "0", 0, latest):
        if len(lines) == LINES:
            lines.append(f"- … {plan.nodes} nodes in all; the query `tree` shows them")
            break
        lines.append(line)
    return headline + "\n\n" + "\n".join(lines)


def render_all(plan: Plan, state: SagaState) -> str:
    """The whole tree, however long."""
    latest = {entry.path: entry for entry in state.stack}
    return "\n".join(_lines(plan.root, "0", 0, latest))


def _lines(
    node: PlanNode, path: str, depth: int, latest: Mapping[str, StackEntry]
) -> Iterator[str]:
    pad = "  " * depth
    match node:
        case StepNode():
            yield f"{pad}- {_step(node, latest.get(path))}"
        case ThenNode() | WhenNode():
            yield f"{pad}- {node.op.upper()}{_label(node.id, node.tag)}"
            for index, item in enumerate(node.items):
                yield from _lines(item, f"{path}.{index}", depth + 1, latest)
        case IfNode():
            yield f"{pad}- IF{_label(node.id, node.tag)}"
            for index, part in enumerate((node.test, node.then, node.otherwise)):
                if part is not None:
                    yield from _lines(part, f"{path}.{index}", depth + 1, latest)
        case ChainNode():
            yield f"{pad}- chain `{node.chain}`{_label(None, node.tag)}"
            yield from _lines(node.body, f"{path}.0", depth + 1, latest)
        case _:
            assert_never(node)


def _step(node: StepNode, entry: StackEntry | None) -> str:
    name = f"`{node.component}`{_label(None, node.tag)}"
    if entry is None:
        return f"▫️ {name}"
    attempts = f", {entry.attempts} attempts" if entry.attempts > 1 else ""
    mark = MARKS[entry.status]
    if entry.status is EntryStatus.COMPENSATED and entry.outcome is EntryStatus.UNKNOWN:
        mark += " (its outcome was unknown)"
    sign, _, words = mark.partition(" ")
    problem = entry.undo_error or entry.error
    reason = f": {problem.message}" if problem is not None else ""
    return f"{sign} {name} {words}{attempts}{reason}"


def _label(id: str | None, tag: str | None) -> str:
    return (f" id `{id}`" if id else "") + (f" tag `{tag}`" if tag else "")
