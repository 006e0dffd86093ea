"""What `explain` says would be undone is what the engine undoes."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import pytest
from pydantic import JsonValue

from api.cli.undone import EACH_PASS, EACH_TRY, IF_RAN, IF_UNKNOWN, Beside, Item, Undoing
from rules.execution import Status
from rules.plan import (
    CatchNode,
    ChainNode,
    LogicNode,
    LoopNode,
    PlanNode,
    RetryNode,
    SwitchNode,
    Target,
    ThenNode,
    WhenNode,
)
from tests.api.inprocess.scripted import Act, Ran, Script, World, branch, run, step, then, when
from workflows.paths import bare

one = step("once")
test = step("test")

SHAPES: dict[str, PlanNode] = {
    "row": then(one, one, one),
    "without compensation": then(one, step("look"), one),
    "always": then(one, step("often"), one),
    "rows in rows": then(one, then(one, one), one),
    "chain": then(one, ChainNode(chain="sub", body=then(one, one)), one),
    "side by side": then(one, when(one, then(one, one)), one),
    "side by side in each other": when(then(one, when(one, one)), one),
    "finally": then(one, ThenNode(items=(one, one), last=(one, then(one, one))), one),
    "finally in a branch": when(ThenNode(items=(one, one), last=(one,)), one),
    "choice": then(one, branch(test, then(one, one), one), one),
    "switch": then(
        one, SwitchNode(head=step("pick"), targets=(Target(node=then(one, one), id="t"),)), one
    ),
    "logic": then(one, branch(LogicNode(op="and", items=(test, test)), one), one),
    "caught": then(one, CatchNode(body=then(one, one), handler=one), one),
    "loop": then(one, LoopNode(op="for", head=3, body=then(one, one)), one),
    "loop with a head": then(LoopNode(op="for", head=step("count"), body=then(one, one)), one),
    "while with a break": then(
        one, LoopNode(op="while", head=test, body=then(one, one), until=step("test")), one
    ),
    "tried again": then(one, RetryNode(body=then(one, one), times=1), one),
    "loser": then(one, WhenNode(items=(one, then(one, one)), any=True), one),
    "ignored": then(one, WhenNode(items=(one, then(one, one)), ignore_error=True), one),
    "limited": then(one, WhenNode(items=(one, one), max_wait=60_000), one),
}
CASES = [(name, act) for name in SHAPES for act in ("refuse", "error")]


@pytest.mark.parametrize(("name", "act"), CASES, ids=str)
def test_it_is_what_the_engine_undoes(name: str, act: Act) -> None:
    root = SHAPES[name]
    components = World(Script()).registry.policies
    tested = unheeded = 0
    for failing in Undoing(components, frozenset()).failing(root):
        ran = failed(root, failing.path, act)
        where = f"{failing.component} at {failing.path}"
        assert failing.path in map(bare, ran.paths("start")), where
        undone = "".join(f"{bare(path)};" for path in ran.paths("undo"))
        if failing.absorbed is not None:
            assert undone == "", where
        elif failing.unless is not None and ran.execution.status is Status.COMPLETED:
            unheeded += 1
        else:
            assert re.fullmatch(pattern(failing.undone, act), undone), f"{where}: {undone}"
        tested += 1
    assert tested >= 2
    assert unheeded == (1 if name == "loser" else 0)


def failed(root: PlanNode, path: str, act: Act) -> Ran:
    """The run in which the step fails: in a second pass, in every try, else wherever it stands."""
    acts: dict[str, Sequence[Act]] = {}
    for real in _real(path):
        acts[real] = (act,)
    answers: dict[str, JsonValue] = {"0.1.0": "t", "0.0.0": 2}
    for index in range(3):
        # The loop ends by its break in the fourth pass.
        acts.setdefault(f"0.1.2#{index}", ("false",))
    if path.startswith("0.1.1") and root == SHAPES["caught"]:
        acts["0.1.0.1"] = ("refuse",)
    if path.startswith("0.1.2") and root == SHAPES["choice"]:
        acts["0.1.0"] = ("false",)
    return run(root, Script(acts=acts, answers=answers))


def _real(path: str) -> Iterator[str]:
    for number in (1, 2):
        yield re.sub("#", "#1", path.replace("~", f"~{number}"))


def pattern(items: Sequence[Item], act: Act) -> str:
    """A regular expression for the paths that may be undone, in the orders that are possible."""
    found = ""
    for often, group in groupby(items, _often):
        inner = "".join(_item(item, act) for item in group)
        found += f"(?:{inner})*" if often else inner
    return found


def _often(item: Item) -> bool:
    if isinstance(item, Beside):
        return any(_often(inner) for branch in item.branches for inner in branch)
    return EACH_PASS in item.notes or EACH_TRY in item.notes


def _item(item: Item, act: Act) -> str:
    if isinstance(item, Beside):
        rows = [[_item(inner, act) for inner in branch] for branch in item.branches]
        return f"(?:{'|'.join(''.join(row) for row in interleaved(rows))})"
    if IF_UNKNOWN in item.notes and act != "error":
        return ""
    perhaps = "?" if IF_RAN in item.notes else ""
    return f"(?:{re.escape(item.path)};){perhaps}"


def interleaved(rows: list[list[str]]) -> Iterator[list[str]]:
    """All orders of all items in which each row keeps its own."""
    if not any(rows):
        yield []
    for index, row in enumerate(rows):
        if row:
            rest = [*rows[:index], row[1:], *rows[index + 1 :]]
            yield from ([row[0], *more] for more in interleaved(rest))
