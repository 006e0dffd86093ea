"""Queries on the mirror, for the API.

Reads what the writer has written, in a fixed number of statements whatever the size of the
answer. The mirror is never an input to an execution; who may see what is the API's matter.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import Column, ColumnElement, Engine, Select, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from activities.mirror.hot import HotState
from activities.mirror.known import STEP_GUARDS, Known, stack_entry
from activities.mirror.tables import saga_compensation_log, saga_execution, saga_step_execution
from activities.mirror.timeline import UndoAttempt, timeline
from activities.mirror.versions import SILENT, is_guess
from activities.mirror.views import Cursor, Filter, Log, Mirrored, Page, Summary
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
_GUARDS: Final = tuple(saga_step_execution.c[name] for name in ("path", *STEP_GUARDS))
_UNDO_COLUMNS: Final = tuple(saga_compensation_log.c[name] for name in UndoAttempt.model_fields)


class MirrorReader:
    """Answers for one database and, where there is one, one Redis. Safe to share by threads."""

    def __init__(self, engine: Engine, hot: HotState | None = None) -> None:
        self._engine = engine
        self._hot = hot

    def get(self, tenant: str, execution_id: str) -> Execution | None:
        """An execution with its stack; None if the mirror does not know it.

        It is as of its `changed_at`: the last change that the mirror was told.
        """
        found = self.find(tenant, execution_id)
        return None if found is None else found.execution

    def find(self, tenant: str, execution_id: str) -> Mirrored | None:
        """An execution, from which store, and as of when; None if neither knows it.

        What Redis has is compared with SQL's versions of it, which costs two statements without
        any JSON: a key may have holes (Redis was down, or emptied, while SQL went on), the writer
        that knew of them may be gone, and no mark in Redis itself could tell. Where both know
        something that the other does not, the answer is both together. When SQL does not answer,
        Redis does alone, unless all it has is a guess. Raises SQLAlchemyError.
        """
        hot = self._hot.get(tenant, execution_id) if self._hot is not None else None
        try:
            if hot is not None and self._is_fresh(hot, tenant, execution_id):
                return _mirrored(hot, "redis")
            known = self._known_to_sql(tenant, execution_id)
        except SQLAlchemyError:
            if hot is None or hot.guessed:
                raise
            return _mirrored(hot, "redis")
        if known is None:
            return None
        if hot is not None:
            known.take_in(hot)
        return _mirrored(known, "sql")

    def statuses(self, owners: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Status]:
        """What SQL was told of each one's status (guesses left out); one statement per tenant."""
        by_tenant: dict[str, list[str]] = {}
        for tenant, execution_id in owners:
            by_tenant.setdefault(tenant, []).append(execution_id)
        found: dict[tuple[str, str], Status] = {}
        with self._engine.connect() as connection:
            for tenant, ids in by_tenant.items():
                query = select(
                    _EXECUTION.execution_id, _EXECUTION.status, _EXECUTION.version
                ).where(_EXECUTION.tenant_id == tenant, _EXECUTION.execution_id.in_(ids))
                for execution_id, status, version in connection.execute(query):
                    if not is_guess(version):
                        found[tenant, execution_id] = Status(status)
        return found

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
        decided = select(_EXECUTION.decisions).where(
            _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
        )
        with self._engine.connect() as connection:
            steps = connection.execute(_steps(tenant, execution_id, _STEP_COLUMNS)).mappings().all()
            undos = connection.execute(attempts).mappings().all()
            decisions = connection.execute(decided).scalar_one_or_none() or ()
        attempts_made = [UndoAttempt.model_validate(dict(undo)) for undo in undos]
        lines = timeline([stack_entry(dict(step)) for step in steps], attempts_made)
        return Log.model_validate(
            {"lines": lines, "decisions": decisions, "source": "sql", "as_of": as_of}
        )

    def find_request_sha(self, tenant: str, execution_id: str) -> str | None:
        """The hash of the request that an id was first used with.

        None: the id is unknown. Empty: it is known, but only from a record of one of its steps.
        """
        query = select(_EXECUTION.request_sha).where(
            _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
        )
        with self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _is_fresh(self, hot: Known, tenant: str, execution_id: str) -> bool:
        version = select(_EXECUTION.version).where(
            _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
        )
        guards = _steps(tenant, execution_id, _GUARDS)
        with self._engine.connect() as connection:
            newest = connection.execute(version).scalar_one_or_none() or SILENT
            return hot.covers(newest, [dict(row) for row in connection.execute(guards).mappings()])

    def _known_to_sql(self, tenant: str, execution_id: str) -> Known | None:
        whole = select(saga_execution).where(
            _EXECUTION.tenant_id == tenant, _EXECUTION.execution_id == execution_id
        )
        with self._engine.connect() as connection:
            row = connection.execute(whole).mappings().one_or_none()
            if row is None:
                return None
            query = _steps(tenant, execution_id, tuple(saga_step_execution.c))
            steps = connection.execute(query).mappings().all()
        return Known(dict(row), {step["path"]: dict(step) for step in steps})


def _conditions(tenant: str, filter: Filter) -> list[ColumnElement[bool]]:
    """The filter but for its status: the counts show what the other statuses would list."""
    wanted = [_EXECUTION.tenant_id == tenant]
    if filter.chain is not None:
        wanted.append(_EXECUTION.chain_name == filter.chain)
    if filter.business_key is not None:
        wanted.append(_EXECUTION.business_key == filter.business_key)
    if filter.failed_step is not None:
        wanted.append(_EXECUTION.failed_step == filter.failed_step)
    if filter.parent is not None:
        wanted.append(_EXECUTION.parent_id == filter.parent)
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


# Any: the row's shape is that of the columns
def _steps(tenant: str, execution_id: str, columns: Sequence[Column[Any]]) -> Select[Any]:
    steps = saga_step_execution
    return select(*columns).where(steps.c.tenant_id == tenant, steps.c.execution_id == execution_id)


def _mirrored(known: Known, source: Literal["redis", "sql"]) -> Mirrored:
    execution = known.told()
    return Mirrored(
        execution=execution, source=source, as_of=execution.changed_at or execution.started_at
    )
