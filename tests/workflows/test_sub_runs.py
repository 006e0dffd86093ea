"""Chains that steps run, on Temporal: what only durable runs can show."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest
from pydantic import JsonValue
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from rules.execution import EntryStatus, Execution, Status
from rules.request_sha import request_sha
from rules.wire import EXECUTION_QUERY, Frost, MirrorChange, SagaOptions, SagaResult
from tests.workflows.acting import CALLS, tell
from tests.workflows.callers import KEYS
from tests.workflows.cases import whole
from tests.workflows.dramas import PLAIN
from tests.workflows.lab import QUEUE, TENANT, Lab, callers_worker, ending
from tests.workflows.stages import plan_of, until

LIMIT = 60.0

Handle = WorkflowHandle[object, SagaResult]


async def start(
    lab: Lab,
    chain: str,
    script: Mapping[str, list[str]],
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    queue: str = QUEUE,
    id: str | None = None,
) -> tuple[str, Handle]:
    plan = plan_of(lab, whole(chain), PLAIN, changed or {})
    request = cast(JsonValue, dict(script))
    frost = Frost(plan=plan, request=request, request_sha="", options=SagaOptions())
    id = id or f"calling-{uuid4().hex[:8]}"
    return id, await lab.start(frost, id, queue)


def sub_run(lab: Lab, id: str) -> Handle:
    return lab.client.get_workflow_handle(f"{TENANT}:{id}", result_type=SagaResult)


async def shown(handle: Handle) -> Execution:
    execution: Execution = await handle.query(EXECUTION_QUERY, result_type=Execution)
    return execution


async def begun(lab: Lab, execution_id: str, tag: str) -> None:
    """Wait until a step of an execution has begun."""

    async def count() -> int:
        return CALLS[f"{execution_id}/{tag}"]

    async with asyncio.timeout(LIMIT):
        await until(count, lambda found: found > 0)


@pytest.mark.parametrize("how", ["cancel", "compensate"])
async def test_a_cancel_of_the_caller_cancels_what_it_runs(lab: Lab, how: str) -> None:
    script = {"chains": ["held"], "h": ["until told"]}
    id, handle = await start(lab, 'THEN(a, calls.tag("r"), b)', script)
    sub = f"{id}/0.1/1"
    await begun(lab, sub, "h")
    if how == "cancel":
        await handle.cancel()
    else:
        await handle.signal("compensate", {"in_flight": "cancel"})

    async def cause() -> object:
        return (await shown(sub_run(lab, sub))).cause

    async with asyncio.timeout(LIMIT):
        assert await until(cause, lambda found: found is not None) == "cancel"
        # What the sub-run itself runs is awaited, as in any saga.
        tell(sub, "told")
        result = await ending(handle)
    expected = Status.CANCELLED if how == "cancel" else Status.COMPENSATED
    assert result.status is expected
    execution = await shown(handle)
    assert [run.status for run in execution.stack[1].sub_runs or ()] == [Status.CANCELLED]
    assert CALLS[f"{sub}/undo:p"] == 1


async def test_an_attempt_that_is_lost_leaves_its_run_to_the_next(lab: Lab) -> None:
    changed = {"calls": {"timeout": 1.0}}
    script = {"chains": ["held"], "h": ["until told"]}
    id, handle = await start(lab, 'THEN(calls.tag("r"))', script, changed)
    sub = f"{id}/0.0/1"
    await begun(lab, sub, "h")

    async def attempt() -> int:
        pending = (await handle.describe()).raw_description.pending_activities
        return pending[0].attempt if pending else 0

    async with asyncio.timeout(LIMIT):
        await until(attempt, lambda found: found > 1)
        tell(sub, "told")
        result = await ending(handle)
    assert result.status is Status.COMPLETED
    assert CALLS[f"{sub}/p"] == 1
    (entry,) = (await shown(handle)).stack
    assert entry.attempts > 1
    assert [run.execution_id for run in entry.sub_runs or ()] == [sub]


async def test_what_a_lost_step_has_run_is_told_to_undo_itself(lab: Lab) -> None:
    changed = {"calls": {"timeout": 2.0, "lost_attempts": 0}}
    script = {"chains": ["held"], "h": ["until told"]}
    id, handle = await start(lab, 'THEN(a, calls.tag("r"))', script, changed)
    sub = f"{id}/0.1/1"

    async def stopping() -> object:
        return (await shown(sub_run(lab, sub))).cause

    await begun(lab, sub, "h")
    async with asyncio.timeout(LIMIT):
        assert await until(stopping, lambda found: found is not None) == "operator"
        tell(sub, "told")
        result = await ending(handle)
    assert result.status is Status.COMPENSATED
    entry = (await shown(handle)).stack[1]
    assert (entry.outcome, entry.status) == (EntryStatus.UNKNOWN, EntryStatus.COMPENSATED)
    assert [run.status for run in entry.sub_runs or ()] == [Status.COMPENSATED]
    decided = (await shown(sub_run(lab, sub))).decisions
    assert [(one.operator, one.kind) for one in decided] == [("chainsaga", "compensate")]


async def test_a_run_that_completed_is_undone_under_the_keys_that_it_had(lab: Lab) -> None:
    id, handle = await start(lab, 'THEN(calls.tag("r"), strict)', {"chains": ["keyed"]})
    async with asyncio.timeout(LIMIT):
        result = await ending(handle)
    assert result.status is Status.COMPENSATED
    sub = f"{id}/0.0/1"
    undo = await shown(sub_run(lab, f"{sub}!undo"))
    assert (undo.status, undo.cause) == (Status.COMPENSATED, "operator")
    assert undo.parent is not None
    assert undo.parent.execution_id == id
    assert [(entry.component, entry.undone) for entry in undo.stack] == [
        ("holdsKey", 2),
        ("holdsKey", 1),
    ]
    forward, backward = KEYS[f"{sub} forward"], KEYS[f"{sub} undo"]
    assert len(forward) == 2
    assert backward == list(reversed(forward))
    assert (await shown(sub_run(lab, sub))).status is Status.COMPLETED


async def test_readers_find_sub_runs_by_their_callers(lab: Lab) -> None:
    id, handle = await start(lab, 'THEN(calls.tag("r"), noted.tag("n"))', {"chains": ["pair"]})
    async with asyncio.timeout(LIMIT):
        await ending(handle)
    assert lab.writer.flush(10)
    caller = lab.reader.get(TENANT, id)
    assert caller is not None
    (run,) = caller.stack[0].sub_runs or ()
    assert (run.execution_id, run.chain, run.steps) == (f"{id}/0.0/1", "pair", "work==>work")
    assert caller.stack[0].note == [run.execution_id]
    assert (caller.stack[1].name, caller.stack[1].note) == ("A note", False)
    sub = lab.reader.get(TENANT, run.execution_id)
    assert sub is not None
    assert sub.parent is not None
    assert (sub.parent.execution_id, sub.parent.path) == (id, "0.0")
    assert sub.status is Status.COMPLETED


async def test_a_run_that_temporal_has_forgotten_is_not_started_again(lab: Lab) -> None:
    script = {"chains": ["pair"]}
    id = f"forgotten-{uuid4().hex[:8]}"
    now = datetime.now(UTC)
    remembered = Execution(
        tenant=TENANT,
        execution_id=f"{id}/0.0/1",
        chain="pair",
        rule_version=1,
        plan_sha="",
        status=Status.COMPLETED,
        request_sha=request_sha("pair", cast(JsonValue, script)),
        context={"did p": 1},
        started_at=now,
        ended_at=now,
        changed_at=now,
        revision=2,
    )
    lab.writer.put(MirrorChange(execution=remembered))
    assert lab.writer.flush(10)
    _, handle = await start(lab, 'THEN(calls.tag("r"))', script, id=id)
    async with asyncio.timeout(LIMIT):
        result = await ending(handle)
    assert (result.status, result.output) == (Status.COMPLETED, ["COMPLETED"])
    assert result.context == {"did p": 1}
    assert CALLS[f"{id}/0.0/1/p"] == 0


async def test_a_sub_run_that_waits_for_a_person_is_decided_by_its_own_id(lab: Lab) -> None:
    id, handle = await start(lab, 'THEN(calls.tag("r"))', {"chains": ["asks"]})
    sub = sub_run(lab, f"{id}/0.0/1")

    async def status() -> Status | None:
        return (await shown(sub)).status if CALLS[f"{id}/0.0/1/m"] else None

    async with asyncio.timeout(LIMIT):
        await until(status, lambda found: found is Status.WAITING_DECISION)
        await sub.signal("skip", {"operator": "ann"})
        result = await ending(handle)
    assert (result.status, result.output) == (Status.COMPLETED, ["COMPLETED"])


async def test_many_callers_do_not_starve_what_they_wait_for(lab: Lab) -> None:
    """More callers than there is room for steps: they wait elsewhere."""
    with ThreadPoolExecutor(2) as threads:
        narrow = Worker(
            lab.client, task_queue="narrow", activity_executor=threads, max_concurrent_activities=2
        )
        async with narrow, callers_worker(lab.client, "narrow"):
            chain = "WHEN(" + ", ".join(f'calls.tag("c{n}")' for n in range(8)) + ")"
            _, handle = await start(lab, chain, {"chains": ["outer"]}, queue="narrow")
            async with asyncio.timeout(LIMIT):
                result = await ending(handle)
    assert result.status is Status.COMPLETED
