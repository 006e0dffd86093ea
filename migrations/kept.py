"""What was the platform's of a table that we have taken over: kept in a table, for the way back.

For the adoption. An entry is a column, or something else of the table under a name that no column
has; its definition is the database's own SQL.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

KEPT: Final = "platform_column"
MYSQL: Final = ("mysql", "mariadb")
SQLITE: Final = "sqlite"


def on_sqlite() -> bool:
    """Whether tables are rebuilt, since their columns cannot be changed."""
    return op.get_context().dialect.name == SQLITE


def exists(table: str) -> bool:
    """Whether there is the table. False while SQL is only written down."""
    context = op.get_context()
    if context.as_sql or context.dialect.name not in (*MYSQL, SQLITE):
        return False
    return sa.inspect(op.get_bind()).has_table(table)


def begin() -> None:
    """Make the table of what is kept."""
    if not exists(KEPT):
        op.create_table(
            KEPT,
            sa.Column("table_name", sa.String(64), primary_key=True),
            sa.Column("column_name", sa.String(128), primary_key=True),
            sa.Column("definition", sa.Text),
        )


def end() -> None:
    """Drop it if there is nothing in it."""
    if not op.get_bind().exec_driver_sql(f"SELECT 1 FROM {KEPT} LIMIT 1").all():
        op.drop_table(KEPT)


def keep(table: str, name: str, definition: str | None) -> None:
    """What was first remembered stays: a repeated migration would see its own doing."""
    if name not in kept(table):
        query = f"INSERT INTO {KEPT} VALUES (:table, :name, :definition)"
        _run(query, table=table, name=name, definition=definition)


def kept(table: str) -> dict[str, str | None]:
    """The definitions by name; None for what was not there."""
    query = f"SELECT column_name, definition FROM {KEPT} WHERE table_name = :table"
    return {row.column_name: row.definition for row in _run(query, table=table)}


def forget(table: str, name: str) -> None:
    """It is the platform's again."""
    query = f"DELETE FROM {KEPT} WHERE table_name = :table AND column_name = :name"
    _run(query, table=table, name=name)


def adopted(table: str) -> bool:
    """Whether the table was the platform's."""
    return exists(KEPT) and bool(kept(table))


def _run(query: str, **values: str | None) -> sa.CursorResult[Any]:
    return op.get_bind().execute(sa.text(query), values)
