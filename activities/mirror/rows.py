"""Turns a change into table rows with their versions.

For `batch.py` and the hot state. Pure. A row always has all columns of its table: what the change
does not speak of has the version SILENT and a value that only stands until someone speaks of it.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Table

from activities.mirror.changes import Attempt, Change, StepChange, UndoChange
from activities.mirror.registers import Row
from activities.mirror.tables import saga_compensation_log, saga_execution, saga_step_execution
from activities.mirror.versions import (
    SILENT,
    asked,
    guessed,
    told_by_activity,
    told_by_workflow,
)
from rules.execution import EntryStatus, Execution, StackEntry, Status
from rules.wire import MirrorChange


def rows_of(change: Change) -> Iterator[tuple[Table, Row]]:
    """The rows that a change writes, each with its table."""
    match change:
        case StepChange(record=record):
            yield saga_execution, _guessed_execution(record)
            yield saga_step_execution, _step_row(change)
        case UndoChange(record=record):
            yield saga_execution, _guessed_execution(record)
            yield saga_step_execution, _undone_row(change)
            yield saga_compensation_log, _log_row(change)
        case MirrorChange(execution=execution):
            at = execution.changed_at or latest_time(execution)
            told = execution.revision > 0
            version = told_by_workflow(at, execution.revision) if told else asked(at)
            yield saga_execution, _execution_row(execution, at, version)
            for entry in execution.stack:
                yield saga_step_execution, _entry_row(execution, entry, version)


def latest_time(execution: Execution) -> datetime:
    """The last time that an execution and its stack tell of."""
    times = [execution.started_at, execution.ended_at]
    for entry in execution.stack:
        times += [entry.started_at, entry.ended_at, entry.undo_started_at, entry.undo_ended_at]
    return max(time for time in times if time is not None)


def _execution_row(execution: Execution, at: datetime, version: str) -> Row:
    return {
        "tenant_id": execution.tenant,
        "execution_id": execution.execution_id,
        "chain_name": execution.chain,
        "rule_version": execution.rule_version,
        "plan_sha": execution.plan_sha,
        "request_sha": execution.request_sha,
        "business_key": execution.business_key,
        "status": execution.status.value,
        "cause": execution.cause.value if execution.cause else None,
        "failed_step": execution.failed_step,
        "error": execution.error,
        "request": execution.request,
        "context": execution.context,
        "output": execution.output,
        "first_run_id": execution.first_run_id,
        "revision": execution.revision,
        "started_at": execution.started_at,
        "ended_at": execution.ended_at,
        "updated_at": at,
        "version": version,
        "waiting": execution.waiting,
        "decisions": execution.decisions,
        "parent": execution.parent,
        "parent_id": execution.parent.execution_id if execution.parent else None,
    }


def _guessed_execution(record: Attempt) -> Row:
    """The execution's row as a step's record lets one guess it, until the workflow speaks."""
    saga, at = record.saga, record.scheduled_at
    return {
        "tenant_id": saga.tenant,
        "execution_id": saga.execution_id,
        "chain_name": saga.chain,
        "rule_version": saga.rule_version,
        "plan_sha": "",
        "request_sha": "",
        "business_key": None,
        "status": Status.RUNNING.value,
        "cause": None,
        "failed_step": None,
        "error": None,
        "request": None,
        "context": None,
        "output": None,
        "first_run_id": saga.first_run_id,
        "revision": 0,
        "started_at": at,
        "ended_at": None,
        "updated_at": at,
        "version": guessed(at),
        "waiting": None,
        "decisions": None,
        "parent": None,
        "parent_id": None,
    }


def _step_row(change: StepChange) -> Row:
    record = change.record
    version = told_by_activity(record.scheduled_at, record.attempt, record.phase)
    over = change.status is not EntryStatus.RUNNING
    return {
        **blank_step(record.saga.tenant, record.saga.execution_id, record.path),
        "version": version,
        "status": change.status.value,
        "forward_version": version,
        "seq": record.seq,
        "component": change.component,
        "tag": record.tag,
        "outcome": change.status.value if over else None,
        "attempts": record.answers,
        "error": record.error,
        "started_at": record.scheduled_at,
        "ended_at": record.ended_at if over else None,
        "name": change.name,
        "note": change.note,
        "sub_runs": change.sub_runs,
        "output_version": version if change.status is EntryStatus.COMPLETED else SILENT,
        "output": change.output,
    }


def _undone_row(change: UndoChange) -> Row:
    record = change.record
    version = told_by_activity(record.scheduled_at, record.attempt, record.phase)
    over = change.status is not EntryStatus.COMPENSATING
    return {
        **blank_step(record.saga.tenant, record.saga.execution_id, record.path),
        "version": version,
        "status": change.status.value,
        # The request of an undo tells what became of its step, which may have been lost.
        "forward_version": guessed(record.scheduled_at),
        "seq": record.seq,
        "component": change.step_component,
        "tag": record.tag,
        "outcome": change.step_outcome.value,
        "attempts": change.step_attempts,
        "error": change.step_error,
        "started_at": record.scheduled_at,
        "undo_version": version,
        "compensation": change.component,
        "input": change.step_input,
        "undo_attempts": record.answers,
        "undo_error": record.error,
        "undo_started_at": record.scheduled_at,
        "undo_ended_at": record.ended_at if over else None,
    }


def _log_row(change: UndoChange) -> Row:
    record = change.record
    return {
        "tenant_id": record.saga.tenant,
        "execution_id": record.saga.execution_id,
        "path": record.path,
        "scheduled_at": record.scheduled_at,
        "attempt": record.attempt,
        "component": change.component,
        "step_component": change.step_component,
        "status": change.attempt_status.value,
        "error": record.error,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "version": told_by_activity(record.scheduled_at, record.attempt, record.phase),
    }


def _entry_row(execution: Execution, entry: StackEntry, version: str) -> Row:
    """A stack entry as the workflow sees it.

    What is finished takes the version of the change, which beats the records of the attempts.
    What is still in flight takes the time at which it began, which every record of an attempt
    beats: the activity may have ended since, and only it can know.
    """
    began = told_by_workflow(entry.started_at, 0)
    forward = undo = status = version
    if entry.status is EntryStatus.RUNNING:
        forward = status = began
    elif entry.status is EntryStatus.COMPENSATING and entry.undo_started_at is not None:
        undo = status = told_by_workflow(entry.undo_started_at, 0)
    return {
        "tenant_id": execution.tenant,
        "execution_id": execution.execution_id,
        "path": entry.path,
        "version": status,
        "status": entry.status.value,
        "forward_version": forward,
        "seq": entry.seq,
        "component": entry.component,
        "tag": entry.tag,
        "outcome": entry.outcome.value if entry.outcome else None,
        "attempts": entry.attempts,
        "error": entry.error,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "ended": entry.ended,
        # The stack has it only where the compensation declares it, the attempt's record always.
        "output_version": SILENT if entry.output is None else began,
        "output": entry.output,
        "undo_version": undo,
        "compensation": entry.compensation,
        "read_only": entry.read_only,
        "input": entry.input,
        "undo_attempts": entry.undo_attempts,
        "undo_error": entry.undo_error,
        "undo_started_at": entry.undo_started_at,
        "undo_ended_at": entry.undo_ended_at,
        "undone": entry.undone,
        "name": entry.name,
        "note": entry.note,
        "sub_runs": entry.sub_runs,
    }


def blank_step(tenant: str, execution_id: str, path: str) -> Row:
    """A step of which nothing was said, as far as its columns may be silent."""
    return {
        "tenant_id": tenant,
        "execution_id": execution_id,
        "path": path,
        "version": SILENT,
        "forward_version": SILENT,
        "ended_at": None,
        "ended": 0,
        "output_version": SILENT,
        "output": None,
        "undo_version": SILENT,
        "compensation": None,
        "read_only": False,
        "input": None,
        "undo_attempts": 0,
        "undo_error": None,
        "undo_started_at": None,
        "undo_ended_at": None,
        "undone": 0,
        "name": None,
        "note": None,
        "sub_runs": None,
    }
