"""Positions that outlive a process: up to where a recurring piece of work has come.

For the reconcile. Two workers may set one back for each other; that only repeats work.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, select

from activities.mirror.tables import mirror_watermark
from rules.source.upsert import Incoming, upsert


def read(engine: Engine, name: str) -> datetime | None:
    """The position of that name; None before the first."""
    query = select(mirror_watermark.c.position).where(mirror_watermark.c.name == name)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def move(engine: Engine, name: str, position: datetime) -> None:
    """Set the position of that name."""
    with engine.begin() as connection:
        statement = upsert(connection.dialect.name, mirror_watermark, ("name",), _assign)
        connection.execute(statement, {"name": name, "position": position})


def _assign(incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
    yield "position", incoming["position"]
