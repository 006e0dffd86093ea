"""The committed histories: where they lie, what the manifest says, and how new ones are recorded.

`python -m tests.workflows.histories` records those that are missing, never one that is there: a
history is evidence of what an earlier version did, and must replay as it is. It needs what the
tests need, and runs the scenarios named in `RECORDED` on a dev server of its own.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, JsonValue
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import EngineDown
from dev.temporal_server import dev_server
from dev.tools import temporal_binary
from rules.execution import EntryStatus, Execution, Status
from rules.jobs import RESERVED, Job
from rules.plan import PLAN_FORMAT
from rules.script_checks import CHECK_SCRIPT
from rules.scripts import script_sha
from rules.wire import SagaResult
from tests.activities.mirror.sagas import Saga
from tests.workflows.cases import slug
from tests.workflows.compilers import WRONG, open_compiler
from tests.workflows.crossings import Crossing, frozen, when
from tests.workflows.dramas import DRAMAS
from tests.workflows.hooks import open_hook
from tests.workflows.lab import TENANT, Lab, ending, open_lab
from tests.workflows.operators import CASES
from tests.workflows.operators_calls import CANCELLED_CALL
from tests.workflows.operators_nested import EVERY_OPERATOR
from tests.workflows.playing import begun
from tests.workflows.scenarios import SCENARIOS
from tests.workflows.stages import OnTemporal, open_stage, play
from tests.workflows.yard import open_yard

FOLDER: Final = Path(__file__).parent.parent / "golden" / "histories"
MANIFEST: Final = FOLDER / "MANIFEST.json"
HINT: Final = 20

# Scenario, and the history hint: None keeps it one run, HINT makes it several.
RECORDED: Final = [
    ("vip-order", None),
    ("vip-order", HINT),
    ("plain-order", None),
    ("refuse-createOrder", None),
    ("refuse-deductStock", None),
    ("error_after-notify:early", None),
    ("error_after-notify:late", None),
    ("error_after-notify:late", HINT),
    ("both-branches-fail", None),
    ("card-declined", None),
    ("timed-out-then-refused", None),
]

RECORDED_DRAMAS: Final = [
    ("manual-retry", "temporal"),
    ("manual-retry-twice", "lowest"),
    ("manual-skip", "temporal"),
    ("manual-decision-compensates", "temporal"),
    ("cancel-while-waiting", "temporal"),
    ("deadline-skips", "temporal"),
    ("rounds-exhausted", "temporal"),
    ("two-branches-wait", "temporal"),
    ("a-failed-sibling-supersedes", "temporal"),
    ("blocked-retry", "temporal"),
    ("blocked-others-go-on", "lowest"),
    ("limit", "temporal"),
    ("limit-stands-still-while-waiting", "temporal"),
    ("compensate-cancels-what-runs", "temporal"),
]

# Cases of operators, one for each construct, and some in several runs.
RECORDED_OPERATORS: Final = [
    ("catch: what it absorbed is undone later", "temporal"),
    ("ignoreError: what it absorbed is undone later", "temporal"),
    ("any: a loser starts no further step, and is undone", "temporal"),
    ("any: what a loser's FINALLY owes", "temporal"),
    ("any: in a loop", "temporal"),
    ("must: a failure that came in time counts", "temporal"),
    ("percentage: half of three is two", "temporal"),
    ("maxWait: in time", "temporal"),
    ("maxWait: absorbed by CATCH", "temporal"),
    ("maxWait: retried as a block", "temporal"),
    ("pre: its failure skips the body, not FINALLY", "temporal"),
    ("finally: after a failure, before the undo", "temporal"),
    ("finally: after a failure, before the undo", "lowest"),
    ("finally: after a cancel, innermost first", "temporal"),
    ("finally: each at most so long", "temporal"),
    ("retry: of a node keeps path and entry", "temporal"),
    ("retry: every pass is undone", "temporal"),
    ("retry: every pass is undone", "lowest"),
    ("retry: a person's retry comes first", "temporal"),
    ("switch: the chosen chain fails", "temporal"),
    ("if: the third ELIF", "temporal"),
    ("and, or, not: nested", "temporal"),
    ("for: every pass is undone", "temporal"),
    ("for: every pass is undone", "lowest"),
    ("while: true until break", "temporal"),
    ("iterator: a failing pass", "temporal"),
    ("iterator: a failing pass", "lowest"),
    ("parallel: a failed pass lets the others end", "temporal"),
    ("parallel: iterator, in windows", "lowest"),
    ("a cancel leaves the loop", "temporal"),
    ("chain: in a chain, with FINALLY", "temporal"),
    ("nested: WHEN in a CATCH in a loop", "lowest"),
    ("nested: FINALLY in CATCH in FINALLY", "temporal"),
    ("runs: a chain, whose writes are the caller's", "temporal"),
    ("runs: undone before the caller's own undo", "temporal"),
    ("runs: what sub-runs run", "lowest"),
    ("runs: found by another attempt", "temporal"),
    (EVERY_OPERATOR, "temporal"),
]

# As few and as plain bytes as need two slices; the history holds each input.
SLICES: Final = Crossing(
    "slices",
    when(*[f"eats {number}" for number in range(7)]),
    Status.COMPLETED,
    {EntryStatus.COMPLETED: 7},
)
SLICES_REQUEST: Final = "x" * 230 * 1024


class Committed(BaseModel):
    """One history in the manifest: its hash, and the format of the plan inside it."""

    sha256: str
    plan_format: int


class Manifest(BaseModel):
    """All committed histories, and those that were removed, each with the ADR that says why."""

    histories: dict[str, Committed] = {}
    removed: dict[str, str] = {}


def read_manifest() -> Manifest:
    """The committed manifest."""
    return Manifest.model_validate_json(MANIFEST.read_text())


def digest(file: Path) -> str:
    """The hash that the manifest keeps of a file."""
    return sha256(file.read_bytes()).hexdigest()


def prefixes(history: WorkflowHistory) -> Iterator[WorkflowHistory]:
    """The history as each workflow task found it: what a worker without a cache replays."""
    for index, event in enumerate(history.events):
        if event.HasField("workflow_task_started_event_attributes"):
            yield WorkflowHistory(history.workflow_id, history.events[: index + 1])


async def record(lab: Lab) -> None:
    """Record what `RECORDED` names and the folder lacks, and what starts without a plan."""
    scenarios = {scenario.id: scenario for scenario in SCENARIOS}
    for id, hint in RECORDED:
        scenario = scenarios[id]
        name = f"{id.replace(':', '-')}{'' if hint is None else f'-hint{hint}'}"
        if (FOLDER / f"{name}.1.json").exists():
            continue
        execution_id = lab.new_run()
        frost = lab.frost(
            scenario.chain,
            execution_id,
            scenario.request,
            scenario.overrides,
            max_events=hint,
        )
        await _keep(lab, await lab.start(frost, execution_id), name)
    dramas = {drama.id: drama for drama in DRAMAS}
    for id, runtime in RECORDED_DRAMAS:
        name = f"{id}{'' if runtime == 'temporal' else f'-hint{HINT}'}"
        if (FOLDER / f"{name}.1.json").exists():
            continue
        stage = await open_stage(lab, dramas[id], runtime)
        assert isinstance(stage, OnTemporal)
        for scene in dramas[id].scenes:
            await play(stage, scene)
        await _keep(lab, stage.handle, name)
    await _record_operators(lab)
    if not (FOLDER / "slices.1.json").exists():
        frost = frozen(lab.registry.policies, SLICES, SLICES_REQUEST)
        await _keep(lab, await lab.start(frost, lab.new_run()), "slices")
    if not (FOLDER / "by-hand.1.json").exists():
        await _keep(lab, await lab.start_by_hand("flat", lab.new_run()), "by-hand")


async def _record_operators(lab: Lab) -> None:
    for id, runtime in RECORDED_OPERATORS:
        name = f"el-{slug(id)}{'' if runtime == 'temporal' else f'-hint{HINT}'}"
        if (FOLDER / f"{name}.1.json").exists():
            continue
        stage = await begun(lab, id, CASES[id], runtime)
        assert isinstance(stage, OnTemporal)
        await _keep(lab, stage.handle, name)
        await _keep_sub_runs(lab, await stage.execution(), name)
    if not (FOLDER / "sub-run-cancelled.1.json").exists():
        stage = await begun(lab, "sub-run-cancelled", CANCELLED_CALL, "temporal")
        assert isinstance(stage, OnTemporal)
        await _keep(lab, stage.handle, "sub-run-cancelled")
        await _keep_sub_runs(lab, await stage.execution(), "sub-run-cancelled")


async def _keep_sub_runs(lab: Lab, caller: Execution, name: str) -> None:
    """Write what the steps of an ended execution have run, and the runs that undid it."""
    for entry in caller.stack:
        for number, run in enumerate(entry.sub_runs or (), start=1):
            for id, word in ((run.execution_id, "sub"), (f"{run.execution_id}!undo", "undo")):
                try:
                    handle = lab.client.get_workflow_handle(
                        f"{TENANT}:{id}", result_type=SagaResult
                    )
                    await _keep(lab, handle, f"{name}-{word}{number}")
                except RPCError as error:
                    # It was not undone, or undid itself.
                    assert error.status is RPCStatusCode.NOT_FOUND  # noqa: PT017 - no test


async def record_jobs(address: str, home: Path) -> None:
    """Record a run of each scheduled job that the folder lacks, each with something to do."""
    files = {job: FOLDER / f"job-{job.value.removeprefix(RESERVED)}.1.json" for job in Job}
    if all(file.exists() for file in files.values()):
        return
    with open_hook() as hook:
        eager: dict[str, Any] = {"alert_webhook": hook.url, "compensation_retry_wait": 0.01}
        async with open_yard(address, home, **eager) as yard, yard.worker():
            yard.told(Saga("old").told(0, ended=1, status=Status.COMPLETED))
            blocked = await yard.start("THEN(work.tag('a'), strict);", {"undo:a": ["error", "ok"]})
            await yard.mirrored(blocked, Status.COMPENSATION_BLOCKED)
            for job, file in files.items():
                if not file.exists():
                    run = await yard.begin(job)
                    await run.result()
                    _write(await run.fetch_history(), file)
            await ending(blocked)


async def record_checks(address: str) -> None:
    """Record checks of a script that the folder lacks: with a mistake, and that nobody compiled."""
    for name, jvm in (("check-script-wrong", True), ("check-script-unanswered", False)):
        file = FOLDER / f"{name}.1.json"
        if not file.exists():
            async with open_compiler(address, jvm=jvm) as compiler:
                with suppress(EngineDown):
                    await asyncio.to_thread(compiler.problem, "groovy", WRONG)
                sha = script_sha("groovy", WRONG)
                run = compiler.client.get_workflow_handle(f"{CHECK_SCRIPT}-{sha[:32]}")
                _write(await run.fetch_history(), file)


async def _keep(lab: Lab, handle: WorkflowHandle[object, SagaResult], name: str) -> None:
    """Write every run of an ended execution, oldest first."""
    await ending(handle)
    found = await lab.histories(handle.id.removeprefix(f"{TENANT}:"))
    for number, history in enumerate(found, start=1):
        _write(history, FOLDER / f"{name}.{number}.json")


def _write(history: WorkflowHistory, file: Path) -> None:
    text = json.dumps(_without_places(history.to_json_dict()), indent=1, sort_keys=True)
    file.write_text(text + "\n")


def _without_places(value: JsonValue) -> JsonValue:
    """The same without stack traces and worker identities, which name the machine's own places."""
    if isinstance(value, list):
        return [_without_places(item) for item in value]
    if isinstance(value, dict):
        return {
            key: "" if key in ("stackTrace", "identity") else _without_places(item)
            for key, item in value.items()
        }
    return value


def _write_manifest() -> None:
    manifest = read_manifest() if MANIFEST.exists() else Manifest()
    for file in sorted(FOLDER.glob("*.json")):
        if file != MANIFEST and file.name not in manifest.histories:
            manifest.histories[file.name] = Committed(sha256=digest(file), plan_format=PLAN_FORMAT)
    MANIFEST.write_text(manifest.model_dump_json(indent=1) + "\n")


async def _main(address: str, home: Path) -> None:
    async with open_lab(address, home) as lab:
        await record(lab)
    await record_jobs(address, home)
    await record_checks(address)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with dev_server(temporal_binary(), log=home / "temporal.log") as server:
            asyncio.run(_main(server.address, home))
    _write_manifest()
    sys.stdout.write(f"{len(read_manifest().histories)} histories in {FOLDER.name}/\n")
