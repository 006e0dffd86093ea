"""The step barrier: duplicate, empty and late calls made harmless, in the component's own database.

For authors of SQL components. One table, `saga_barrier`, lives beside the component's tables, and
every call writes to it in the component's own transaction (the idea is DTM's sub-transaction
barrier). Knows SQLAlchemy Core only; sagas and Temporal are not known here.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Column, DateTime, MetaData, String, Table, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from activities.component import Step, Undo
from activities.errors import Refused
from rules.source.columns import key_text, long_text

T = TypeVar("T")
U = TypeVar("U")

metadata = MetaData()
saga_barrier: Final = Table(
    "saga_barrier",
    metadata,
    Column("barrier_key", key_text(700), primary_key=True),
    Column(
        "origin", String(8), nullable=False, comment="forward, or undo: the action came too late"
    ),
    Column("output", long_text(), nullable=True),
    Column("created_at", DateTime, nullable=False),
)


def once(engine: Engine, step: Step, returns: type[T], action: Callable[[Connection], T]) -> T:
    """Run `action` in a transaction, once for all attempts of `step`; its output is kept.

    A duplicate call gets the first call's output. A call that comes after the step's undo is
    refused. Whatever `action` raises rolls everything back, the barrier included.
    """
    adapter: TypeAdapter[T] = TypeAdapter(returns)
    with engine.begin() as connection:
        if not _claim(connection, step.key, "forward"):
            origin, output = _claimed(connection, step.key)
            if origin == "undo":
                raise Refused("this step was undone before it ran", code="UNDONE", final=True)
            return adapter.validate_json(output or "null")
        result = action(connection)
        connection.execute(
            saga_barrier.update()
            .where(saga_barrier.c.barrier_key == step.key)
            .values(output=adapter.dump_json(result).decode())
        )
        return result


def undo_once(
    engine: Engine,
    undo: Undo[T, U],
    returns: type[T],
    action: Callable[[Connection, T], None],
) -> bool:
    """Undo in a transaction, once, and only if the step took effect; tells whether it did.

    `action` gets the output that the step's own transaction recorded, so that it is known also
    where the saga never saw the answer. An undo without a step bars the step from coming later.
    """
    adapter: TypeAdapter[T] = TypeAdapter(returns)
    with engine.begin() as connection:
        if not _claim(connection, undo.key, "undo"):
            return False
        if _claim(connection, undo.forward_key, "undo"):
            return False
        origin, output = _claimed(connection, undo.forward_key)
        if origin == "undo":
            return False
        action(connection, adapter.validate_json(output or "null"))
        return True


def _claim(connection: Connection, key: str, origin: str) -> bool:
    """Whether this call is the first with `key`; a parallel call waits for the other to commit."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {"barrier_key": key, "origin": origin, "output": None, "created_at": now}
    if connection.dialect.name == "sqlite":
        # Python's driver begins no transaction for a savepoint: to release it would commit.
        statement = sqlite.insert(saga_barrier).values(row).on_conflict_do_nothing()
        return connection.execute(statement).rowcount == 1
    try:
        with connection.begin_nested():
            connection.execute(insert(saga_barrier).values(row))
    except IntegrityError:
        return False
    return True


def _claimed(connection: Connection, key: str) -> tuple[str, str | None]:
    row = connection.execute(
        select(saga_barrier.c.origin, saga_barrier.c.output).where(
            saga_barrier.c.barrier_key == key
        )
    ).one()
    return cast(str, row.origin), cast(str | None, row.output)
