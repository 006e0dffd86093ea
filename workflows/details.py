"""The current details of a run: its chain as a Markdown tree with each node's state.

For Temporal's Web UI and `temporal workflow metadata`. Pure; knows plan and stack only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from rules.execution import EntryStatus, StackEntry
from rules.plan import (
    CatchNode,
    ChainNode,
    IfNode,
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
from rules.sizes import short
from rules.wire import SagaState
from workflows.paths import bare

LINES: Final = 300
REASON: Final = 200

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
    headline = f"**{plan.chain}** version {plan.version}: **{state.status.value}**"
    if state.failure is not None:
        failure = state.failure
        headline += f"\n\n`{failure.component}`: {failure.error.message} ({failure.error.code})"
    lines: list[str] = []
    for line in _lines(plan.root, "0", 0, _latest(state)):
        if len(lines) == LINES:
            lines.append(f"- … {plan.nodes} nodes in all; the query `tree` shows them")
            break
        lines.append(line)
    return headline + "\n\n" + "\n".join(lines)


def render_all(plan: Plan, state: SagaState) -> str:
    """The whole tree, however long."""
    return "\n".join(_lines(plan.root, "0", 0, _latest(state)))


@dataclass(frozen=True, slots=True)
class _Ran:
    """The latest entry of a node, and how often it has run in passes and attempts of blocks."""

    entry: StackEntry
    times: int


def _latest(state: SagaState) -> dict[str, _Ran]:
    """By the node's path in the plan."""
    latest: dict[str, _Ran] = {}
    for entry in state.stack:
        path = bare(entry.path)
        before = latest.get(path)
        latest[path] = _Ran(entry, before.times + 1 if before else 1)
    return latest


def _lines(
    node: PlanNode, path: str, depth: int, latest: Mapping[str, _Ran], label: str = ""
) -> Iterator[str]:
    """A line for the node, then those of its parts, each with the word that names its part."""
    words, parts = _describe(node)
    if isinstance(node, StepNode):
        words = _step(node, latest.get(path))
    yield f"{'  ' * depth}- {label}{words}"
    for part in parts:
        yield from _lines(part.node, f"{path}{part.step}", depth + 1, latest, part.word)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a block: what its path adds to the block's, the word for it, the node."""

    step: str
    word: str
    node: PlanNode


def _describe(node: PlanNode) -> tuple[str, list[Part]]:
    match node:
        case StepNode():
            return "", []
        case ThenNode():
            last = _numbered(node.last or (), len(node.items), "FINALLY: ")
            return f"THEN{_label(node.id, node.tag)}", [*_numbered(node.items), *last]
        case WhenNode():
            return f"WHEN{_when(node)}{_label(node.id, node.tag)}", _numbered(node.items)
        case IfNode():
            return f"IF{_label(node.id, node.tag)}", _present(
                (".0", "", node.test), (".1", "then ", node.then), (".2", "else ", node.otherwise)
            )
        case ChainNode():
            return f"chain `{node.chain}`{_label(None, node.tag)}", [Part(".0", "", node.body)]
        case CatchNode():
            return f"CATCH{_label(node.id, node.tag)}", _present(
                (".0", "", node.body), (".1", "on failure ", node.handler)
            )
        case RetryNode():
            return f"retry, up to {node.times} times", [Part("~", "", node.body)]
        case SwitchNode():
            targets = _numbered([target.node for target in node.targets], 1)
            default = _present((f".{len(targets) + 1}", "default ", node.default))
            parts = [Part(".0", "", node.head), *targets, *default]
            return f"SWITCH{_label(node.id, node.tag)}", parts
        case LoopNode():
            return _loop(node)
        case LogicNode():
            return f"{node.op.upper()}{_label(node.id, node.tag)}", _numbered(node.items)
    assert_never(node)


def _numbered(nodes: Sequence[PlanNode], start: int = 0, word: str = "") -> list[Part]:
    return [Part(f".{index}", word, node) for index, node in enumerate(nodes, start=start)]


def _present(*parts: tuple[str, str, PlanNode | None]) -> list[Part]:
    return [Part(step, word, part) for step, word, part in parts if part is not None]


def _when(node: WhenNode) -> str:
    words = ""
    if node.any:
        words += " any"
    if node.must is not None:
        words += f" must {', '.join(str(index + 1) for index in node.must)}"
    if node.percentage is not None:
        words += f" {node.percentage:.0%}"
    if node.ignore_error:
        words += " ignoring errors"
    if node.max_wait is not None:
        words += f" at most {node.max_wait / 1000:g} s each"
    return words


def _loop(node: LoopNode) -> tuple[str, list[Part]]:
    words = f"{node.op.upper()}{' parallel' if node.parallel else ''}"
    head = None
    if isinstance(node.head, bool | int):
        words += f" {str(node.head).lower()}"
    else:
        head = node.head
    asked = ".0#" if node.op == "while" else ".0"
    return f"{words}{_label(node.id, node.tag)}", _present(
        (asked, "", head), ("#", "do ", node.body), (".2#", "break if ", node.until)
    )


def _step(node: StepNode, ran: _Ran | None) -> str:
    name = f"`{node.component}`{_label(None, node.tag)}"
    if ran is None:
        return f"▫️ {name}"
    entry = ran.entry
    attempts = f", {entry.attempts} attempts" if entry.attempts > 1 else ""
    passes = f", {ran.times} times" if ran.times > 1 else ""
    mark = MARKS[entry.status]
    if entry.status is EntryStatus.COMPENSATED and entry.outcome is EntryStatus.UNKNOWN:
        mark += " (its outcome was unknown)"
    sign, _, words = mark.partition(" ")
    problem = entry.undo_error or entry.error
    reason = f": {short(problem.message, REASON)}" if problem is not None else ""
    return f"{sign} {name} {words}{attempts}{passes}{reason}"


def _label(id: str | None, tag: str | None) -> str:
    return (f" id `{id}`" if id else "") + (f" tag `{tag}`" if tag else "")
