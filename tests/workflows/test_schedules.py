"""The schedules on the real worker and a real server: made, changed, paused, triggered, working."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select
from structlog.testing import capture_logs
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import ScheduleActionStartWorkflow, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

import worker as worker_module
from activities.mirror.hot import HotState, key_of
from activities.mirror.tables import saga_execution
from dev.databases import RedisServer
from dev.temporal_server import DevServer
from dev.tools import temporal_binary
from rules.decisions import Verdict
from rules.execution import Status
from rules.jobs import OPERATOR, Job
from rules.plan import FailurePolicy, FailureStrategy
from tests.activities.mirror.sagas import Saga
from tests.activities.mirror.stores import Stores, session_stores
from tests.api.waiting import until, until_true
from tests.workflows.hooks import Hook, open_hook
from tests.workflows.lab import ending
from tests.workflows.yard import LIMIT, TENANT, Yard, execution_of, open_yard

BLOCKED = "THEN(work.tag('a'), strict);"


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return session_stores(request.config, tmp_path_factory)


@pytest_asyncio.fixture
async def yard(temporal_server: DevServer, tmp_path: Path) -> AsyncIterator[Yard]:
    async with open_yard(temporal_server.address, tmp_path) as yard:
        yield yard


@pytest.fixture
def hook() -> Iterator[Hook]:
    with open_hook() as hook:
        yield hook


def action(description: Any) -> ScheduleActionStartWorkflow:
    assert isinstance(description.schedule.action, ScheduleActionStartWorkflow)
    return description.schedule.action


async def test_they_are_there_and_readable(yard: Yard) -> None:
    async with yard.worker():
        for job in Job:
            found = await yard.schedule(job).describe()
            assert found.id == f"{job.value}.{yard.settings.task_queue}"
            assert action(found).workflow == job.value
            assert action(found).task_queue == yard.settings.task_queue
            assert found.schedule.policy.overlap.name == "SKIP"
            assert (found.schedule.policy.catchup_window or timedelta.max) <= timedelta(hours=1)
            assert await found.memo_value("about") == found.schedule.state.note
            # None begins while a demo runs.
            assert found.info.next_action_times[0] > datetime.now(UTC) + timedelta(seconds=30)
            assert not found.info.recent_actions


async def test_a_setting_changes_them_and_a_pause_with_its_note_stays(yard: Yard) -> None:
    async with yard.worker():
        for job in Job:
            await yard.schedule(job).pause(note="ann: not this week")
    slower = yard.having(
        clean_hot_every=7200,
        clean_history_every=7200,
        keep_history="OTHERS=7",
        alert_every=600,
        compensation_retries=0,
        reconcile_every=120,
    )
    async with yard.worker(), slower.worker():
        for job in Job:
            schedule = yard.schedule(job)

            async def changed(schedule: Any = schedule) -> Any:
                found = await schedule.describe()
                every = found.schedule.spec.intervals[0].every
                return found if every >= timedelta(seconds=120) else None

            found = await until(changed, LIMIT, f"{job} to be changed")
            assert found.schedule.state.paused
            assert found.schedule.state.note == "ann: not this week"
        history = await yard.schedule(Job.CLEAN_HISTORY).describe()
        (payload,) = action(history).args
        assert b'"COMPLETED":7' in payload.data
    # The same settings again change nothing, not even the time of the update.
    before = [(await yard.schedule(job).describe()).info.last_updated_at for job in Job]
    async with slower.worker():
        pass
    after = [(await yard.schedule(job).describe()).info.last_updated_at for job in Job]
    assert before == after


async def test_the_temporal_command_lists_pauses_and_triggers(
    yard: Yard, temporal_server: DevServer
) -> None:
    """As in `docs/operations.md`."""

    async def temporal(*words: str) -> str:
        command = [str(temporal_binary()), *words, "--address", temporal_server.address]

        def run() -> str:
            return subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=LIMIT
            ).stdout

        return await asyncio.to_thread(run)

    id = yard.id_of(Job.CLEAN_HOT_STATE)
    given = ("--schedule-id", id)
    async with yard.worker():
        assert id in await temporal("schedule", "list", "--output", "json")
        said = await temporal("schedule", "describe", *given)
        assert "Removes from Redis what belongs to no open saga" in said
        assert "chainsaga.clean-hot-state" in said
        await temporal("schedule", "toggle", *given, "--pause", "--reason", "ann: audit")
        paused = (await yard.schedule(Job.CLEAN_HOT_STATE).describe()).schedule.state
        assert (paused.paused, paused.note) == (True, "ann: audit")
        # Paused, it still does what it is told to.
        await temporal("schedule", "trigger", *given)

        async def ran() -> str | None:
            query = f"TemporalScheduledById = '{id}' AND ExecutionStatus = 'Completed'"
            found = [run.id async for run in yard.client.list_workflows(query)]
            return found[0] if found else None

        run = await until(ran, LIMIT, "the run")
        assert run.startswith(id)
        result = await temporal("workflow", "result", "--workflow-id", run)
        assert "nothing to do: no Redis is set" in result


async def test_two_workers_that_start_at_once_make_one_of_each(yard: Yard) -> None:
    with capture_logs() as said:
        async with yard.worker(), yard.worker():
            listed = [each.id async for each in await yard.client.list_schedules()]
            assert len([id for id in listed if id.endswith(yard.settings.task_queue)]) == len(Job)
    assert len([line for line in said if line["event"] == "schedule created"]) == len(Job)


async def test_without_the_setting_there_are_none_and_the_worker_compares(yard: Yard) -> None:
    alone = yard.having(schedules=False)
    async with alone.worker():
        handle = await alone.start("THEN(work.tag('a'));", {})
        await ending(handle)
    with pytest.raises(RPCError, match="not found"):
        await yard.schedule(Job.RECONCILE).describe()


async def test_a_worker_that_cannot_keep_schedules_works_and_tries_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The namespace may forbid it: what is refused here is a queue name that is too long."""
    monkeypatch.setattr(worker_module, "SCHEDULES_RETRY_SECONDS", 0.05)
    long = yard.having(task_queue="q" * 990)
    assert await _works_without(long)


async def _works_without(yard: Yard) -> bool:
    stop = asyncio.Event()
    with capture_logs() as said:
        serving = asyncio.create_task(worker_module.serve(yard.settings, stop))
        handle = await yard.start("THEN(work.tag('a'));", {})
        result = await ending(handle)

        def refused() -> bool:
            found = [line for line in said if "could not be kept" in line["event"]]
            return len(found) > 1

        await until_true(refused, LIMIT, "two refusals")
        stop.set()
        await serving
    return result.status is Status.COMPLETED


async def test_a_blocked_undo_is_retried_and_recorded_like_any_decision(yard: Yard) -> None:
    eager = yard.having(compensation_retry_wait=0.01, compensation_retries=2)
    async with eager.worker():
        handle = await eager.start(BLOCKED, {"undo:a": ["error", "error", "ok"]})
        told = []
        for number in (1, 2):
            await eager.mirrored(handle, Status.COMPENSATION_BLOCKED)
            told.append(await eager.run(Job.COMPENSATION_ALERT))
            assert told[-1]["retried"] == 1, told
            if number == 1:
                await until(lambda: _decided_and_blocked(handle), LIMIT, "the second block")
                await until_true(lambda: _mirrored_decisions(eager, handle) == 1, LIMIT, "mirror")
        assert (await ending(handle)).status is Status.COMPENSATED
        records = (await execution_of(handle)).decisions
    assert [(r.kind, r.operator, r.verdict) for r in records] == [
        ("retry", OPERATOR, Verdict.ACCEPTED)
    ] * 2
    assert [r.reason for r in records] == ["automatic retry 1 of 2", "automatic retry 2 of 2"]
    assert len({r.decision_id for r in records}) == 2
    assert told[0]["summary"] == "1 saga with a blocked undo, raised 1 alert, retried 1 undo"


async def _decided_and_blocked(handle: WorkflowHandle[Any, Any]) -> bool:
    found = await execution_of(handle)
    return len(found.decisions) == 1 and found.status is Status.COMPENSATION_BLOCKED


def _mirrored_decisions(yard: Yard, handle: WorkflowHandle[Any, Any]) -> int:
    found = yard.reader.get(TENANT, handle.id.partition(":")[2])
    blocked = found is not None and found.status is Status.COMPENSATION_BLOCKED
    return len(found.decisions) if found is not None and blocked else -1


async def test_retries_end_and_people_decide(yard: Yard) -> None:
    eager = yard.having(compensation_retry_wait=0.01, compensation_retries=1)
    async with eager.worker():
        handle = await eager.start(BLOCKED, {"undo:a": ["error"]})
        await eager.mirrored(handle, Status.COMPENSATION_BLOCKED)
        assert (await eager.run(Job.COMPENSATION_ALERT))["retried"] == 1
        await until(lambda: _decided_and_blocked(handle), LIMIT, "the second block")
        await until_true(lambda: _mirrored_decisions(eager, handle) == 1, LIMIT, "mirror")
        again = await eager.run(Job.COMPENSATION_ALERT)
        assert (again["retried"], again["raised"], again["blocked"]) == (0, 1, 1)
        third = await eager.run(Job.COMPENSATION_ALERT)
        assert third["summary"] == "1 saga with a blocked undo, raised 0 alerts"
        await handle.signal("skip", {"operator": "ann"})
        assert (await ending(handle)).status is Status.FAILED


async def test_each_alert_reaches_the_webhook_once_also_when_it_was_down(
    yard: Yard, hook: Hook
) -> None:
    loud = yard.having(alert_webhook=hook.url, compensation_retries=0)
    hook.status = 503
    with capture_logs() as said:
        async with loud.worker():
            handle = await loud.start(BLOCKED, {"undo:a": ["error"]})
            found = await loud.mirrored(handle, Status.COMPENSATION_BLOCKED)
            begun = await loud.begin(Job.COMPENSATION_ALERT)
            await until_true(lambda: hook.asked > 1, LIMIT, "a second attempt")
            hook.status = 200
            told = await begun.result()
            assert (told["raised"], told["sent"]) == (1, 1)
            again = await loud.run(Job.COMPENSATION_ALERT)
            assert (again["raised"], again["sent"], again["blocked"]) == (0, 0, 1)
            await handle.signal("skip", {"operator": "ann"})
            await ending(handle)
    (body,) = hook.taken
    (wait,) = found.waiting
    assert body["id"] == hook.headers[0]["Idempotency-Key"]
    assert body["kind"] == body["status"] == "COMPENSATION_BLOCKED"
    assert (body["workflow_id"], body["path"], body["step"]) == (handle.id, wait.path, "work")
    assert datetime.fromisoformat(body["since"]) == wait.since
    assert body["error"]["message"] == "undo:a lost its answer"
    (line,) = [line for line in said if line["event"] == "saga_alert"]
    assert (line["log_level"], line["id"], line["text"]) == ("error", body["id"], body["text"])
    assert not [line for line in said if "secret" in str(line)]


async def test_a_decision_near_its_deadline_is_alerted_about(yard: Yard, hook: Hook) -> None:
    loud = yard.having(alert_webhook=hook.url, alert_before_deadline=3600)
    now = datetime.now(UTC)
    deadlines = {"soon": timedelta(minutes=50), "late": timedelta(hours=2)}
    async with loud.worker():
        handles = {}
        for name, deadline in deadlines.items():
            policy = FailurePolicy(
                strategy=FailureStrategy.MANUAL, deadline=deadline.total_seconds()
            )
            handles[name] = await loud.start("THEN(work.tag('a'));", {"a": ["refuse"]}, policy)
            await loud.mirrored(handles[name], Status.WAITING_DECISION)
        told = await loud.run(Job.COMPENSATION_ALERT)
        assert told["summary"] == (
            "0 sagas with a blocked undo, 1 with a decision due, raised 1 alert, sent 1"
        )
        for handle in handles.values():
            await handle.signal("skip", {"operator": "ann"})
            await ending(handle)
    (body,) = hook.taken
    assert (body["kind"], body["workflow_id"]) == ("DECISION_DUE", handles["soon"].id)
    assert now < datetime.fromisoformat(body["until"]) < now + timedelta(hours=1)


async def test_a_refused_alert_does_not_hold_up_the_others(yard: Yard, hook: Hook) -> None:
    loud = yard.having(alert_webhook=hook.url)
    hook.refused_for = "first"
    now = datetime.now(UTC)
    for number, tenant in enumerate(("first", "second")):
        second = (now - timedelta(hours=2 - number) - NOON).total_seconds()
        aborted = Saga("gone", tenant=tenant)
        loud.told(aborted.told(second, changed=second, ended=second, status=Status.ABORTED))
    async with loud.worker():
        begun = await loud.begin(Job.COMPENSATION_ALERT)
        await until_true(lambda: hook.taken, LIMIT, "the second alert")
        found = await pending(begun, "answered 400")
        assert "WEBHOOK_REFUSED" in found
        hook.refused_for = ""
        assert (await begun.result())["sent"] == 2
    assert [body["tenant"] for body in hook.taken] == ["second", "first"]
    assert {body["kind"] for body in hook.taken} == {"ABORTED"}


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def pending(handle: WorkflowHandle[Any, Any], words: str) -> str:
    """The last failure of the run's activity, as soon as it says this."""

    async def look() -> str | None:
        found = await handle.describe()
        for activity in found.raw_description.pending_activities:
            assert activity.state != PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
            failure = activity.last_failure
            if words in failure.message:
                return f"{failure.application_failure_info.type}: {failure.message}"
        return None

    return await until(look, LIMIT, words)


def executions(yard: Yard) -> int:
    with yard.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(saga_execution)).scalar_one()


async def test_the_history_is_cleaned_in_bounded_runs(yard: Yard) -> None:
    bounded = yard.having(clean_history_limit=5, keep_history="COMPLETED=30")
    for number in range(7):
        done = Saga(f"old-{number}")
        bounded.told(done.told(0, ended=1, status=Status.COMPLETED))
    async with bounded.worker():
        dry = await bounded.client.execute_workflow(
            Job.CLEAN_HISTORY.value,
            {"dry_run": True},
            id=f"dry-{bounded.settings.task_queue}",
            task_queue=bounded.settings.task_queue,
            result_type=dict[str, Any],
        )
        assert dry["summary"] == "would delete 7 COMPLETED executions older than 30 days"
        assert executions(bounded) == 7
        first = await bounded.run(Job.CLEAN_HISTORY)
        assert first["summary"] == (
            "deleted 5 COMPLETED executions older than 30 days in 1 batch; "
            "more are left for the next run"
        )
        second = await bounded.run(Job.CLEAN_HISTORY)
        assert second["summary"] == "deleted 2 COMPLETED executions older than 30 days in 1 batch"
        assert executions(bounded) == 0
        third = await bounded.run(Job.CLEAN_HISTORY)
        assert (third["deleted"], third["more"]) == ({}, False)


async def test_an_input_that_does_not_fit_ends_the_run_in_words(yard: Yard) -> None:
    async with yard.worker():
        with pytest.raises(WorkflowFailureError) as caught:
            await yard.client.execute_workflow(
                Job.CLEAN_HISTORY.value,
                {"dry_run": "perhaps"},
                id=f"odd-{yard.settings.task_queue}",
                task_queue=yard.settings.task_queue,
            )
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert (cause.type, "dry_run" in cause.message) == ("INPUT_INVALID", True)


async def test_a_terminated_saga_becomes_aborted_by_the_reconcile(yard: Yard) -> None:
    async with yard.worker():
        handle = await yard.start("THEN(work.tag('a'));", {"a": ["hold"]})
        await yard.mirrored(handle, Status.RUNNING)
        await handle.terminate("by a test")
        told = await yard.run(Job.RECONCILE)
        while told["aborted"] == 0:
            told = await yard.run(Job.RECONCILE)
        assert told["summary"].endswith("repaired 1 (1 aborted)")
        await yard.mirrored(handle, Status.ABORTED)


async def test_hot_state_that_belongs_to_nothing_goes(yard: Yard, stores: Stores) -> None:
    redis: RedisServer = stores.redis
    with_redis = yard.having(redis_url=redis.url)
    hot = HotState(redis.url)
    try:
        async with with_redis.worker():
            handle = await with_redis.start("THEN(work.tag('a'));", {"a": ["hold"]})
            id = handle.id.partition(":")[2]

            async def there() -> bool:
                return hot.get(TENANT, id) is not None

            await until(there, LIMIT, "the hot state")
            for name in (key_of(TENANT, id), key_of(TENANT, "unknown")):
                hot._client.hset(name, "closed", "0")
                hot._client.persist(name)
            told = await with_redis.run(Job.CLEAN_HOT_STATE)
            assert told["deleted"] >= 1
            assert told["expiring"] == 1
            assert hot._client.exists(key_of(TENANT, "unknown")) == 0
            assert int(str(hot._client.ttl(key_of(TENANT, id)))) > 0
            await handle.terminate()
    finally:
        hot.close()


async def test_without_redis_it_says_so(yard: Yard) -> None:
    async with yard.worker():
        told = await yard.run(Job.CLEAN_HOT_STATE)
    assert told["summary"] == "nothing to do: no Redis is set (CHAINSAGA_REDIS_URL)"


async def test_while_redis_is_down_the_run_says_why_and_goes_on_after(
    yard: Yard, stores: Stores
) -> None:
    redis = stores.redis
    async with yard.having(redis_url=redis.url).worker():
        redis.suspend()
        try:
            begun = await yard.begin(Job.CLEAN_HOT_STATE)
            assert "REDIS_UNAVAILABLE" in await pending(begun, "Redis does not answer")
        finally:
            redis.resume()
        assert (await begun.result())["summary"].startswith("looked at")


async def test_while_the_database_is_down_runs_say_why_and_go_on_after(
    temporal_server: DevServer, tmp_path: Path, stores: Stores
) -> None:
    with stores.migrated("mariadb", tmp_path) as url:
        async with open_yard(temporal_server.address, tmp_path, url) as yard, yard.worker():
            yard.told(Saga("old").told(0, ended=1, status=Status.COMPLETED))
            stores.mariadb.kill()
            try:
                jobs = (Job.CLEAN_HISTORY, Job.COMPENSATION_ALERT, Job.RECONCILE)
                begun = [await yard.begin(job) for job in jobs]
                for each in begun:
                    said = await pending(each, "the database does not answer")
                    assert "DATABASE_UNAVAILABLE" in said
            finally:
                stores.mariadb.start()
            told = [await each.result() for each in begun]
            assert told[0]["deleted"]["COMPLETED"] == 1
            assert [each["summary"] for each in told]
