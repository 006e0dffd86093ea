"""Takes over tables that the platform of before has made, with their rows; and gives them back.

For migrations that would create a table which is there already. What is changed of such a table is
kept in `platform_column`, so that a downgrade leaves the table as it was, with the rows of now. On
MySQL columns are changed in place; on SQLite, which cannot do that, the table is made anew.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateColumn

from migrations import kept, rebuilding

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
    return kept.exists(table)


def adopt(table: str, columns: Sequence[sa.Column[object]], fills: Mapping[str, str]) -> None:
    """Give the platform's table these columns; each is added without a value, filled, then closed.

    `fills` has, by column, the SQL of what a row gets that has no value; of columns that are not
    named, the values stay. A column `id` stays as it is. Can be repeated after a failure, since
    MySQL keeps what was done before it. `check_key` comes first.
    """
    kept.begin()
    if kept.on_sqlite():
        rebuilding.adopt(table, columns, fills)
        return
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
    if not kept.adopted(table) or column.name not in _names(table):
        op.add_column(table, column)
        return
    if kept.on_sqlite():
        # What it is does not matter there: a column holds any text.
        return
    _add_open(table, column)
    _execute(f"ALTER TABLE {table} MODIFY COLUMN {_specification(table, column)}")


def drop_column(table: str, name: str) -> None:
    """Drop a column, or give it back to the platform."""
    if exists(kept.KEPT) and name in kept.kept(table):
        if not kept.on_sqlite():
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
    there = _names(table)
    terms = [name if name in there else missing[name] for name in key]
    exact = "TEXT" if kept.on_sqlite() else "BINARY"
    grouped = ", ".join(f"CAST({term} AS {exact})" for term in terms)
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
            kept.keep(table, f"#{name}", None)
            op.create_index(name, table, list(columns), unique=name in unique)


def release(table: str) -> bool:
    """Give the table back to the platform with all its rows; False if it was never theirs."""
    if not kept.adopted(table):
        return False
    if kept.on_sqlite():
        rebuilding.release(table)
        kept.end()
        return True
    there = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    for name in kept.kept(table):
        if name.startswith("#"):
            if name[1:] in there:
                op.drop_index(name[1:], table)
            kept.forget(table, name)
    for name in kept.kept(table):
        _give_back(table, name)
    kept.end()
    return True


def _add_open(table: str, column: sa.Column[object]) -> None:
    """Remember what the column was, and add it open if there was none."""
    was = _definitions(table).get(column.name)
    kept.keep(table, column.name, was)
    if was is None:
        op.add_column(table, sa.Column(column.name, column.type, nullable=True))


def _give_back(table: str, name: str) -> None:
    was = kept.kept(table)[name]
    if was is not None:
        _execute(f"ALTER TABLE {table} MODIFY COLUMN {was}")
    elif name in _definitions(table):
        op.drop_column(table, name)
    kept.forget(table, name)


def _specification(table: str, column: sa.Column[object]) -> str:
    sa.Table(table, sa.MetaData(), column)
    return str(CreateColumn(column).compile(dialect=op.get_context().dialect))


def _names(table: str) -> frozenset[str]:
    return frozenset(column["name"] for column in sa.inspect(op.get_bind()).get_columns(table))


def _definitions(table: str) -> dict[str, str]:
    """The columns as the database itself would write them, by name."""
    (row,) = op.get_bind().exec_driver_sql(f"SHOW CREATE TABLE {table}").all()
    lines = (line.strip().rstrip(",") for line in str(row[1]).splitlines())
    return {line.split("`")[1]: line for line in lines if line.startswith("`")}


def _execute(statement: str) -> None:
    # Not `op.execute`: a comment of a column may hold what looks like a parameter.
    op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
