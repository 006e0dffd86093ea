"""Deletes executions from the mirror, with everything that is kept of them; all SQL of it.

For the clean-up of the history. Whether Temporal still runs one is not known here; that the mirror
says it is over, and for how long, is checked again in the transaction that deletes.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, Table, and_, delete, func, or_, select

from activities.mirror.tables import (
    saga_alert,
    saga_compensation_log,
    saga_execution,
    saga_step_execution,
)
from rules.execution import Status

_EXECUTION: Final = saga_execution.c
_BELONGING: Final[tuple[Table, ...]] = (saga_step_execution, saga_compensation_log, saga_alert)


@dataclass(frozen=True, slots=True)
class Old:
    """An execution that is over for long enough."""

    tenant: str
    execution_id: str
    ended_at: datetime


def find_old(
    engine: Engine, status: Status, before: datetime, limit: int, after: Old | None = None
) -> list[Old]:
    """The oldest that ended with this status before that time, from `after` on."""
    wanted = [_EXECUTION.status == status.value, _EXECUTION.ended_at < before]
    if after is not None:
        later = and_(
            _EXECUTION.ended_at == after.ended_at,
            or_(
                _EXECUTION.tenant_id > after.tenant,
                and_(
                    _EXECUTION.tenant_id == after.tenant,
                    _EXECUTION.execution_id > after.execution_id,
                ),
            ),
        )
        wanted += [_EXECUTION.ended_at >= after.ended_at]
        wanted += [or_(_EXECUTION.ended_at > after.ended_at, later)]
    key = (_EXECUTION.tenant_id, _EXECUTION.execution_id, _EXECUTION.ended_at)
    query = select(*key).where(*wanted).limit(limit)
    query = query.order_by(_EXECUTION.ended_at, _EXECUTION.tenant_id, _EXECUTION.execution_id)
    with engine.connect() as connection:
        return [Old(*row) for row in connection.execute(query)]


def count_old(engine: Engine, status: Status, before: datetime) -> int:
    """How many ended with this status before that time."""
    query = select(func.count()).where(
        _EXECUTION.status == status.value, _EXECUTION.ended_at < before
    )
    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def delete_old(engine: Engine, status: Status, before: datetime, old: Sequence[Old]) -> int:
    """Delete these with all their rows, in one transaction; how many there were.

    One that was told of anew meanwhile, or whose status changed, stays.
    """
    by_tenant: dict[str, list[str]] = defaultdict(list)
    for each in old:
        by_tenant[each.tenant].append(each.execution_id)
    with engine.begin() as connection:
        return sum(
            _delete(connection, status, before, tenant, sorted(by_tenant[tenant]))
            for tenant in sorted(by_tenant)
        )


def _delete(
    connection: Connection, status: Status, before: datetime, tenant: str, ids: list[str]
) -> int:
    """The executions first: their rows are locked from then on, whoever else writes them."""
    mine = and_(_EXECUTION.tenant_id == tenant, _EXECUTION.execution_id.in_(ids))
    over = and_(_EXECUTION.status == status.value, _EXECUTION.ended_at < before)
    deleted = connection.execute(delete(saga_execution).where(mine, over)).rowcount
    stayed = set(connection.execute(select(_EXECUTION.execution_id).where(mine)).scalars())
    gone = [id for id in ids if id not in stayed]
    if gone:
        for table in _BELONGING:
            rows = and_(table.c.tenant_id == tenant, table.c.execution_id.in_(gone))
            connection.execute(delete(table).where(rows))
    return deleted
