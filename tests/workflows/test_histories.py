"""Committed histories replay on the current code; none changes or goes unnoticed."""

import subprocess
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.registry import discover
from rules.compiler import ChainText, compile_chain
from rules.el.operators.table import OPERATORS
from rules.plan import PLAN_FORMAT, Plan, PlanNode
from rules.tree import children
from rules.wire import ChainInput
from tests.workflows.cases import slug, whole, words_of
from tests.workflows.histories import (
    FOLDER,
    HINT,
    MANIFEST,
    RECORDED_OPERATORS,
    digest,
    prefixes,
    read_manifest,
)
from tests.workflows.operators import CASES
from workflows.plugin import saga_plugin

ROOT = FOLDER.parent.parent.parent
FILES = sorted(file for file in FOLDER.glob("*.json") if file != MANIFEST)


def replayer() -> Replayer:
    return Replayer(workflows=[], plugins=[saga_plugin()])


def history_of(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json("1:golden", file.read_text())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_replays_at_once(file: Path) -> None:
    """As a worker does whose cache keeps the workflow to its end."""
    await replayer().replay_workflow(history_of(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_replays_from_the_start_at_each_task(file: Path) -> None:
    """As a worker does that has no cache."""
    found = list(prefixes(history_of(file)))
    assert len(found) > 1
    for history in found:
        await replayer().replay_workflow(history)


async def test_a_changed_order_of_steps_does_not_replay() -> None:
    """Replaying would notice: here the first step's name is another one than was recorded."""
    text = (FOLDER / "card-declined.1.json").read_text()
    changed = text.replace('"name": "createOrder"', '"name": "pay"')
    assert changed != text
    with pytest.raises(Exception, match="TMPRL1100"):
        await replayer().replay_workflow(WorkflowHistory.from_json("1:golden", changed))


def test_manifest_knows_every_history_as_it_is() -> None:
    manifest = read_manifest()
    assert {file.name: digest(file) for file in FILES} == {
        name: committed.sha256 for name, committed in manifest.histories.items()
    }
    assert all(known.plan_format <= PLAN_FORMAT for known in manifest.histories.values())


def test_every_operator_is_in_a_history() -> None:
    known = read_manifest().histories
    recorded = {id for id, _ in RECORDED_OPERATORS if f"el-{slug(id)}.1.json" in known}
    words = {word for id in recorded for text in CASES[id].texts for word in words_of(text)}
    assert {row.name for row in OPERATORS} - words == set()


@pytest.mark.parametrize(("id", "runtime"), RECORDED_OPERATORS, ids=" ".join)
def test_a_history_is_of_the_case_that_it_is_named_by(id: str, runtime: str) -> None:
    """By the kinds of nodes in its plan; the names of the tests' components have changed."""
    file = FOLDER / f"el-{slug(id)}{'' if runtime == 'temporal' else f'-hint{HINT}'}.1.json"
    texts = {**CASES[id].includes, "main": CASES[id].chain}
    chains = {name: ChainText(name, whole(text)) for name, text in texts.items()}
    components = discover(["tests.workflows.acting"]).policies
    plan = compile_chain("main", chains=chains, components=components).plan
    assert ops(plan_in(file).root) == ops(plan.root)


def ops(node: PlanNode) -> list[str]:
    return [node.op, *(op for child in children(node) for op in ops(child))]


def plan_in(file: Path) -> Plan:
    """The plan that a history's workflow was started with."""
    event = history_of(file).events[0].workflow_execution_started_event_attributes
    (given,) = event.input.payloads
    frost = ChainInput.model_validate_json(given.data).frost
    assert frost is not None
    return frost.plan


def test_no_history_that_was_ever_committed_changed_or_went() -> None:
    """By git's memory, so that history and manifest cannot change together."""
    if not (ROOT / ".git").exists():
        assert FILES
        return
    manifest = read_manifest()
    for added in _added():
        name = added.name
        if name in manifest.removed:
            assert (ROOT / manifest.removed[name]).is_file(), f"{name} went without an ADR"
            continue
        first = _first_version(added)
        assert (ROOT / added).read_bytes() == first, f"{name} is not what was committed first"


def _added() -> list[Path]:
    folder = FOLDER.relative_to(ROOT)
    listed = _git("log", "--diff-filter=A", "--name-only", "--format=", "--", str(folder))
    names = {Path(line) for line in listed.decode().splitlines() if line.endswith(".json")}
    return sorted(name for name in names if name.name != MANIFEST.name)


def _first_version(file: Path) -> bytes:
    commits = _git("log", "--diff-filter=A", "--format=%H", "--", str(file)).decode().split()
    return _git("show", f"{commits[-1]}:{file}")


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True)
    return done.stdout
