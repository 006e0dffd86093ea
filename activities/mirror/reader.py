"""Queries on the mirror, for the API.

Reads what the writer has written, in a fixed number of statements whatever the size of the
answer. The mirror is never an input to an execution; who may see what is the API's matter.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, and_, func, or_, select

from activities.mirror.rows import latest_time
from activities.mirror.tables import saga_compensation_log, saga_execution, saga_step_execution
from activities.mirror.timeline import UNDO_STATUSES, UndoAttempt, timeline
from activities.mirror.views import Cursor, Filter, Log, Page, Summary
from rules.execution import Execution, StackEntry, Status

_EXECUTION: Final = saga_execution.c
_SUMMARY: Final = (
    _EXECUTION.tenant_id.label("tenant"),
    _EXECUTION.execution_id,
    _EXECUTION.chain_name.label("chain"),
    _EXECUTION.rule_version,
    _EXECUTION.status,
    _EXECUTION.cause,
    _EXECUTION.failed_step,
    _EXECUTION.error,
    _EXECUTION.business_key,
    _EXECUTION.started_at,
    _EXECUTION.ended_at,
    _EXECUTION.updated_at,
)
_STEP_COLUMNS: Final = tuple(saga_step_execution.c[name] for name in StackEntry.model_fields)
_UNDO_COLUMNS: Final = tuple(saga_compensation_log.c[name] for name in UndoAttempt.model_fields)


class MirrorReader:
    """Answers for one database. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, tenant: str, execution_id: str) -> Execution | None:
        """An execution with its stack; None if the mirror does not know it.

        It is as of its `changed_at`: the last change that the mirror was told.
        """
        with self._engine.connect() as connection:
            found = connection.execute(
                select(saga_execution).where(
                    _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
                )
            ).mappings()
            row = found.one_or_none()
            if row is None:
                return None
            steps = connection.execute(_steps(tenant, execution_id)).mappings().all()
        return _execution(row, [_entry(step) for step in steps])

    def list(self, tenant: str, filter: Filter, limit: int = 50, cursor: str | None = None) -> Page:
        """A page of a tenant's executions, newest first. Raises BadCursor."""
        as_of = datetime.now(UTC)
        wanted = _conditions(tenant, filter)
        page = select(*_SUMMARY).where(*wanted)
        if filter.status is not None:
            page = page.where(_EXECUTION.status == filter.status.value)
        if cursor is not None:
            page = page.where(_after(Cursor.decode(cursor)))
        page = page.order_by(_EXECUTION.started_at.desc(), _EXECUTION.execution_id.desc())
        counts = select(_EXECUTION.status, func.count()).where(*wanted).group_by(_EXECUTION.status)
        with self._engine.connect() as connection:
            rows = connection.execute(page.limit(limit + 1)).mappings().all()
            counted = connection.execute(counts).all()
        items = tuple(Summary.model_validate(dict(row)) for row in rows[:limit])
        more = len(rows) > limit and items
        return Page(
            items=items,
            next_cursor=_cursor_at(items[-1]) if more else None,
            counts={Status(status): count for status, count in counted},
            as_of=as_of,
        )

    def logs(self, tenant: str, execution_id: str) -> Log:
        """What happened to the steps of an execution, in order."""
        as_of = datetime.now(UTC)
        attempts = select(*_UNDO_COLUMNS).where(
            saga_compensation_log.c.tenant_id == tenant,
            saga_compensation_log.c.execution_id == execution_id,
        )
        with self._engine.connect() as connection:
            steps = connection.execute(_steps(tenant, execution_id)).mappings().all()
            undos = connection.execute(attempts).mappings().all()
        attempts_made = [UndoAttempt.model_validate(dict(undo)) for undo in undos]
        return Log(lines=timeline([_entry(step) for step in steps], attempts_made), as_of=as_of)

    def find_request_sha(self, tenant: str, execution_id: str) -> str | None:
        """The hash of the request that an id was first used with.

        None: the id is unknown. Empty: it is known, but only from a record of one of its steps.
        """
        query = select(_EXECUTION.request_sha).where(
            _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
        )
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()


def _conditions(tenant: str, filter: Filter) -> list[ColumnElement[bool]]:
    """The filter but for its status: the counts show what the other statuses would list."""
    wanted = [_EXECUTION.tenant_id == tenant]
    if filter.chain is not None:
        wanted.append(_EXECUTION.chain_name == filter.chain)
    if filter.business_key is not None:
        wanted.append(_EXECUTION.business_key == filter.business_key)
    if filter.failed_step is not None:
        wanted.append(_EXECUTION.failed_step == filter.failed_step)
    if filter.started_from is not None:
        wanted.append(_EXECUTION.started_at >= filter.started_from)
    if filter.started_to is not None:
        wanted.append(_EXECUTION.started_at < filter.started_to)
    return wanted


def _after(cursor: Cursor) -> ColumnElement[bool]:
    return or_(
        _EXECUTION.started_at < cursor.started_at,
        and_(
            _EXECUTION.started_at == cursor.started_at,
            _EXECUTION.execution_id < cursor.execution_id,
        ),
    )


def _cursor_at(last: Summary) -> str:
    return Cursor(started_at=last.started_at, execution_id=last.execution_id).encode()


def _steps(tenant: str, execution_id: str) -> Select[Any]:  # the row's shape is StackEntry's
    steps = saga_step_execution
    return (
        select(*_STEP_COLUMNS)
        .where(steps.c.tenant_id == tenant, steps.c.execution_id == execution_id)
        .order_by(steps.c.seq, steps.c.path)
    )


def _entry(row: RowMapping) -> StackEntry:
    entry = StackEntry.model_validate(dict(row))
    if entry.status not in UNDO_STATUSES:
        # A reset may have gone back to before an undo, whose columns are then of the old history.
        for name in ("undo_error", "undo_started_at", "undo_ended_at"):
            setattr(entry, name, None)
        entry.undo_attempts = entry.undone = 0
    return entry


def _execution(row: RowMapping, stack: list[StackEntry]) -> Execution:
    known = {name: row[name] for name in Execution.model_fields if name in row}
    execution = Execution.model_validate(
        {
            **known,
            "tenant": row["tenant_id"],
            "chain": row["chain_name"],
            "context": row["context"] or {},
            "stack": tuple(stack),
        }
    )
    changed_at = max(row["updated_at"], latest_time(execution))
    return execution.model_copy(update={"changed_at": changed_at})
