"""Takes over tables that the platform of before has made, with their rows; and gives them back.

For migrations that would create a table which is there already. What is changed of such a table is
kept in `platform_column`, so that a downgrade leaves the table as it was, with the rows of now. The
platform runs on MySQL; on other databases a table that is there is an error, as for any migration.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateColumn

MYSQL: Final = ("mysql", "mariadb")
KEPT: Final = "platform_column"
ASIDE: Final = "_platform"
MOST_SHOWN: Final = 5

Keys = Mapping[str, Sequence[str]]


class PlatformRowsClash(Exception):
    """Rows of the platform's table would be one and the same chain or component."""

    def __init__(self, table: str, key: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        shown = "; ".join(", ".join(map(str, row)) for row in rows)
        super().__init__(
            f"table {table} has several rows with the same {', '.join(key)}: {shown}. "
            "Keep one of each, and migrate again; nothing was changed"
        )


def exists(table: str) -> bool:
    """Whether the platform has made the table. False while SQL is only written down."""
    context = op.get_context()
    if context.as_sql or context.dialect.name not in MYSQL:
        return False
    return sa.inspect(op.get_bind()).has_table(table)


def adopt(table: str, columns: Sequence[sa.Column[object]], fills: Mapping[str, str]) -> None:
    """Give the platform's table these columns; each is added without a value, filled, then closed.

    `fills` has, by column, the SQL of what a row gets that has no value; of columns that are not
    named, the values stay. A column `id` stays as it is. Can be repeated after a failure, since
    MySQL keeps what was done before it. `check_key` comes first.
    """
    _keep_table()
    for column in columns:
        if column.name != "id":
            _add_open(table, column)
    # `update_time` must be one of them, or the database would say that all was edited just now.
    touched = [f"{name} = COALESCE({name}, {fill})" for name, fill in fills.items()]
    op.execute(f"UPDATE {table} SET {', '.join(touched)}")
    for column in columns:
        if column.name != "id":
            _execute(f"ALTER TABLE {table} MODIFY COLUMN {_specification(table, column)}")


def add_column(table: str, column: sa.Column[object]) -> None:
    """Add a column to our table, or take over the one that the platform has given it."""
    if not _adopted(table) or column.name not in _definitions(table):
        op.add_column(table, column)
        return
    _add_open(table, column)
    _execute(f"ALTER TABLE {table} MODIFY COLUMN {_specification(table, column)}")


def drop_column(table: str, name: str) -> None:
    """Drop a column, or give it back to the platform."""
    if exists(KEPT) and name in _kept(table):
        _give_back(table, name)
    else:
        op.drop_column(table, name)


def set_aside(table: str) -> None:
    """Rename the platform's table, whose columns nobody knows, to make room for ours."""
    if exists(table):
        op.rename_table(table, f"{table}{ASIDE}")


def bring_back(table: str) -> None:
    """Give a table that was set aside its name again."""
    if exists(f"{table}{ASIDE}"):
        op.rename_table(f"{table}{ASIDE}", table)


def check_key(table: str, key: Sequence[str], missing: Mapping[str, str]) -> None:
    """Whether the rows can have a unique key; `missing` has the SQL of columns that come later.

    Raises PlatformRowsClash.
    """
    there = _definitions(table)
    terms = [name if name in there else missing[name] for name in key]
    grouped = ", ".join(f"CAST({term} AS BINARY)" for term in terms)
    shown = ", ".join(f"MIN({term})" for term in terms)
    query = f"SELECT {shown} FROM {table} GROUP BY {grouped} HAVING COUNT(*) > 1"
    rows = op.get_bind().exec_driver_sql(f"{query} LIMIT {MOST_SHOWN}").all()
    if rows:
        raise PlatformRowsClash(table, key, [tuple(row) for row in rows])


def add_indexes(table: str, unique: Keys, indexes: Keys) -> None:
    """Add the unique keys and indexes that are not there, by their names."""
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for name, columns in (*unique.items(), *indexes.items()):
        if name not in there:
            _keep(table, f"#{name}", None)
            op.create_index(name, table, list(columns), unique=name in unique)


def release(table: str) -> bool:
    """Give the table back to the platform with all its rows; False if it was never theirs."""
    if not _adopted(table):
        return False
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for name in _kept(table):
        if name.startswith("#"):
            if name[1:] in there:
                op.drop_index(name[1:], table)
            _forget(table, name)
    for name in _kept(table):
        _give_back(table, name)
    if not op.get_bind().exec_driver_sql(f"SELECT 1 FROM {KEPT} LIMIT 1").all():
        op.drop_table(KEPT)
    return True


def _adopted(table: str) -> bool:
    return exists(KEPT) and bool(_kept(table))


def _add_open(table: str, column: sa.Column[object]) -> None:
    """Remember what the column was, and add it open if there was none."""
    was = _definitions(table).get(column.name)
    _keep(table, column.name, was)
    if was is None:
        op.add_column(table, sa.Column(column.name, column.type, nullable=True))


def _give_back(table: str, name: str) -> None:
    was = _kept(table)[name]
    if was is not None:
        _execute(f"ALTER TABLE {table} MODIFY COLUMN {was}")
    elif name in _definitions(table):
        op.drop_column(table, name)
    _forget(table, name)


def _specification(table: str, column: sa.Column[object]) -> str:
    sa.Table(table, sa.MetaData(), column)
    return str(CreateColumn(column).compile(dialect=op.get_context().dialect))


def _definitions(table: str) -> dict[str, str]:
    """The columns as the database itself would write them, by name."""
    (row,) = op.get_bind().exec_driver_sql(f"SHOW CREATE TABLE {table}").all()
    lines = (line.strip().rstrip(",") for line in str(row[1]).splitlines())
    return {line.split("`")[1]: line for line in lines if line.startswith("`")}


def _keep_table() -> None:
    if not exists(KEPT):
        op.create_table(
            KEPT,
            sa.Column("table_name", sa.String(64), primary_key=True),
            sa.Column("column_name", sa.String(128), primary_key=True),
            sa.Column("definition", sa.Text),
        )


def _keep(table: str, name: str, definition: str | None) -> None:
    """What was first remembered stays: a repeated migration would see its own doing."""
    op.get_bind().exec_driver_sql(
        f"INSERT IGNORE INTO {KEPT} VALUES (%s, %s, %s)",
        (table, name, definition),
    )


def _kept(table: str) -> dict[str, str | None]:
    query = f"SELECT column_name, definition FROM {KEPT} WHERE table_name = %s"
    return {row[0]: row[1] for row in op.get_bind().exec_driver_sql(query, (table,))}


def _forget(table: str, name: str) -> None:
    query = f"DELETE FROM {KEPT} WHERE table_name = %s AND column_name = %s"
    op.get_bind().exec_driver_sql(query, (table, name))


def _execute(statement: str) -> None:
    # Not `op.execute`: a comment of a column may hold what looks like a parameter.
    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
