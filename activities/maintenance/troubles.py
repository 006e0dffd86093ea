"""Finds sagas that need a person: blocked undos, decisions that are due, aborted ones.

For the job that raises alerts. The mirror says where to look; what waits, and for what, is asked
of the workflow itself, since a decision may follow from it. Aborted sagas can be asked no more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import Engine, select
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from activities.maintenance.alerts import alert_id
from activities.mirror.endings import left_behind
from activities.mirror.tables import saga_execution
from rules.decisions import DecisionKind, DecisionRecord, Verdict, Waiting
from rules.execution import ErrorInfo, Execution, Status
from rules.jobs import OPERATOR, Alert, AlertKind, UndoRetry
from rules.wire import EXECUTION_QUERY

ABORTED_FOR: Final = timedelta(days=7)
"""Sagas that were aborted longer ago are no news, also to a deployment that begins to look."""

QUERY_LIMIT: Final = timedelta(seconds=5)
UNDO_MARK: Final = "!"

_EXECUTION: Final = saga_execution.c
_WAITS: Final = TypeAdapter(tuple[Waiting, ...])
_DECISIONS: Final = TypeAdapter(tuple[DecisionRecord, ...])
_NOBODY: Final = (
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.FAILED_PRECONDITION,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When something is a trouble, and when to retry: see `rules.jobs.CompensationAlert`."""

    retries: int
    retry_wait: timedelta
    before_deadline: timedelta

    def retry_due(self, decisions: Sequence[DecisionRecord], wait: Waiting, now: datetime) -> bool:
        """Whether a wait is a blocked undo that is to be tried again."""
        made = retries_made(decisions, wait.path)
        due = made < self.retries and now >= wait.since + self.retry_wait * 2**made
        return due and wait.path.endswith(UNDO_MARK) and wait.answer is None


@dataclass(frozen=True, slots=True)
class Suspect:
    """An open saga that needs a person, by the mirror: the waits that matter, its decisions."""

    tenant: str
    execution_id: str
    waits: tuple[Waiting, ...]
    decisions: tuple[DecisionRecord, ...]

    @property
    def blocked(self) -> bool:
        """Whether an undo is blocked."""
        return any(wait.path.endswith(UNDO_MARK) for wait in self.waits)

    @property
    def alert_ids(self) -> set[str]:
        """The alerts that its waits are worth."""
        return {
            alert_id(_kind(wait), self.tenant, self.execution_id, wait.path, wait.since)
            for wait in self.waits
        }

    def retry_due(self, limits: Limits, now: datetime) -> bool:
        """Whether one of its undos is to be tried again."""
        return any(limits.retry_due(self.decisions, wait, now) for wait in self.waits)


def suspects(engine: Engine, limits: Limits, now: datetime) -> list[Suspect]:
    """Open sagas that wait, the longest first, each with the waits that matter."""
    statuses = (Status.COMPENSATION_BLOCKED.value, Status.WAITING_DECISION.value)
    columns = (
        _EXECUTION.tenant_id,
        _EXECUTION.execution_id,
        _EXECUTION.waiting,
        _EXECUTION.decisions,
    )
    query = select(*columns).where(_EXECUTION.status.in_(statuses))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(_EXECUTION.started_at)).all()
    found = []
    for tenant, execution_id, waiting, decided in rows:
        waits = tuple(_matter(_WAITS.validate_python(waiting or ()), limits, now))
        if waits:
            decisions = _DECISIONS.validate_python(decided or ())
            found.append(Suspect(tenant, execution_id, waits, decisions))
    return found


def aborted(engine: Engine, now: datetime) -> list[tuple[str, str, datetime]]:
    """Tenant, execution id and end of what was aborted lately."""
    query = select(_EXECUTION.tenant_id, _EXECUTION.execution_id, _EXECUTION.ended_at).where(
        _EXECUTION.status == Status.ABORTED.value, _EXECUTION.ended_at > now - ABORTED_FOR
    )
    with engine.connect() as connection:
        return [(row[0], row[1], row[2]) for row in connection.execute(query)]


async def ask(client: Client, suspect: Suspect) -> Execution | None:
    """The execution as its workflow knows it; None if it does not answer. Raises RPCError."""
    handle = client.get_workflow_handle(f"{suspect.tenant}:{suspect.execution_id}")
    try:
        found: Execution = await handle.query(
            EXECUTION_QUERY, result_type=Execution, rpc_timeout=QUERY_LIMIT
        )
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        if error.status in _NOBODY:
            return None
        raise
    return found


def wait_alerts(execution: Execution, limits: Limits, now: datetime) -> Iterator[Alert]:
    """The alerts about what an open saga waits for."""
    for wait in _matter(execution.waiting, limits, now):
        kind = _kind(wait)
        blocked = kind is AlertKind.COMPENSATION_BLOCKED
        step = wait.path.removesuffix(UNDO_MARK)
        entry = next((entry for entry in execution.stack if entry.path == step), None)
        error: ErrorInfo | None = None
        if entry is not None:
            error = entry.undo_error if blocked else entry.error
        words = f"the undo of '{wait.component}' is blocked"
        if wait.until is not None:
            words = f"'{wait.component}' waits for a decision until {wait.until.isoformat()}"
        yield _alert(
            execution,
            kind,
            words if error is None else f"{words}: {error.message}",
            wait.since,
            path=wait.path,
            step=wait.component,
            until=wait.until,
            error=error and error.model_dump(mode="json"),
            retries=retries_made(execution.decisions, wait.path),
            retries_at_most=limits.retries if blocked else 0,
        )


def aborted_alert(execution: Execution) -> Alert:
    """The alert about a saga that ended without being undone."""
    left = tuple(left_behind(execution))
    words = f"ended without being undone; may be left: {', '.join(left) or 'nothing'}"
    return _alert(
        execution,
        AlertKind.ABORTED,
        words,
        execution.ended_at or execution.started_at,
        step=execution.failed_step,
        error=execution.error and execution.error.model_dump(mode="json"),
        left_behind=left,
    )


def due_retries(execution: Execution, limits: Limits, now: datetime) -> Iterator[UndoRetry]:
    """The blocked undos of a saga that are to be tried again now."""
    for wait in execution.waiting:
        if limits.retry_due(execution.decisions, wait, now):
            yield UndoRetry(
                tenant=execution.tenant,
                execution_id=execution.execution_id,
                waiting=wait,
                number=retries_made(execution.decisions, wait.path) + 1,
                of=limits.retries,
            )


def retries_made(decisions: Sequence[DecisionRecord], path: str) -> int:
    """How often a blocked undo was tried again by the schedule."""
    return sum(
        record.operator == OPERATOR
        and record.kind == DecisionKind.RETRY
        and record.verdict is Verdict.ACCEPTED
        and record.path == path
        for record in decisions
    )


def _kind(wait: Waiting) -> AlertKind:
    blocked = wait.path.endswith(UNDO_MARK)
    return AlertKind.COMPENSATION_BLOCKED if blocked else AlertKind.DECISION_DUE


def _matter(waits: tuple[Waiting, ...], limits: Limits, now: datetime) -> Iterator[Waiting]:
    """Blocked undos, and decisions whose deadline is near, that nobody has answered."""
    for wait in waits:
        soon = wait.until is not None and wait.until - now <= limits.before_deadline
        if wait.person and wait.answer is None and (wait.path.endswith(UNDO_MARK) or soon):
            yield wait


def _alert(
    execution: Execution,
    kind: AlertKind,
    words: str,
    since: datetime,
    *,
    path: str | None = None,
    **more: object,
) -> Alert:
    tenant, execution_id = execution.tenant, execution.execution_id
    return Alert.model_validate(
        {
            **more,
            "id": alert_id(kind, tenant, execution_id, path, since),
            "kind": kind,
            "text": f"{execution.chain} {tenant}:{execution_id}: {words}"[:1000],
            "tenant": tenant,
            "execution_id": execution_id,
            "workflow_id": f"{tenant}:{execution_id}",
            "chain": execution.chain,
            "business_key": execution.business_key,
            "status": execution.status,
            "path": path,
            "since": since,
        }
    )
