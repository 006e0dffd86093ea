"""Takes over a table of the platform's on SQLite, and gives it back: by making it anew.

For the adoption. SQLite cannot change a column, so the rows are copied. What the table was is kept
as the SQL that made it, with its indexes and triggers.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateColumn

from migrations import kept

TABLE: Final = "=table"
MOST_SHOWN: Final = 5


class PlatformRowsUnfit(Exception):
    """Rows of now hold what the platform's column cannot."""

    def __init__(self, table: str, column: str, values: Sequence[object]) -> None:
        shown = ", ".join(map(str, values))
        super().__init__(
            f"table {table} has rows whose {column} is no number: {shown}. "
            "Change or delete them, and go back again; nothing was changed"
        )


class _Column(NamedTuple):
    name: str
    type: str
    closed: bool
    default: str | None

    @property
    def specification(self) -> str:
        closed = " NOT NULL" if self.closed else ""
        default = f" DEFAULT ({self.default})" if self.default is not None else ""
        return f'"{self.name}" {self.type}{closed}{default}'


def adopt(table: str, columns: Sequence[sa.Column[object]], fills: Mapping[str, str]) -> None:
    """Give the table these columns, filled and closed; its other columns stay as they are."""
    theirs = _columns(table)
    for name, statement in _made(table).items():
        kept.keep(table, name, statement)
    for name, one in theirs.items():
        kept.keep(table, name, one.specification)
    uniques = _uniques(table)
    ours = {column.name: column for column in columns}
    for column in columns:
        if column.name not in theirs and column.name != "id":
            op.add_column(table, sa.Column(column.name, column.type, nullable=True))
    touched = [f"{name} = COALESCE({name}, {fill})" for name, fill in fills.items()]
    _execute(f"UPDATE {table} SET {', '.join(touched)}")

    new = f"{table}_new"
    others = [column for name, column in theirs.items() if name not in ours]
    lines = ["id INTEGER NOT NULL PRIMARY KEY"]
    lines += [_specification(new, column) for column in columns if column.name != "id"]
    lines += [column.specification for column in others]
    lines += [f"UNIQUE ({', '.join(names)})" for names in uniques]
    _execute(f"CREATE TABLE {new} ({', '.join(lines)})")
    copied = [name for name in (*ours, *(one.name for one in others)) if name in _columns(table)]
    _copy(table, new, copied)
    _execute(f"DROP TABLE {table}")
    op.rename_table(new, table)
    _make_rest(table)


def release(table: str) -> None:
    """Make the table again as it was, with the rows of now. Raises PlatformRowsUnfit."""
    theirs = [name for name in kept.kept(table) if not name.startswith(("=", "#"))]
    types = {name: str(kept.kept(table)[name]).split('" ', 1)[1].upper() for name in theirs}
    for name in theirs:
        if types[name].startswith(("INT", "BIGINT", "SMALLINT", "TINYINT")):
            _check_numbers(table, name)
    made = kept.kept(table)[TABLE]
    old = f"{table}_old"
    for index in sa.inspect(op.get_bind()).get_indexes(table):
        op.drop_index(str(index["name"]), table)
    op.rename_table(table, old)
    _execute(str(made))
    _copy(old, table, theirs)
    _execute(f"DROP TABLE {old}")
    _make_rest(table)
    for name in kept.kept(table):
        kept.forget(table, name)


def _check_numbers(table: str, name: str) -> None:
    query = (
        f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL"
        f" AND CAST(CAST({name} AS INTEGER) AS TEXT) <> CAST({name} AS TEXT) LIMIT {MOST_SHOWN}"
    )
    unfit = op.get_bind().exec_driver_sql(query).all()
    if unfit:
        raise PlatformRowsUnfit(table, name, [row[0] for row in unfit])


def _made(table: str) -> dict[str, str]:
    """The SQL that made the table, and what belongs to it."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
    found = op.get_bind().exec_driver_sql(query, (table,)).all()
    return {TABLE if kind == "table" else f"={name}": made for kind, name, made in found}


def _make_rest(table: str) -> None:
    """Its indexes and triggers, which went with the table."""
    for name, made in kept.kept(table).items():
        if name.startswith("=") and name != TABLE:
            _execute(str(made))


def _columns(table: str) -> dict[str, _Column]:
    found = op.get_bind().exec_driver_sql(f"PRAGMA table_info({table})").all()
    return {row[1]: _Column(row[1], row[2], bool(row[3]), row[4]) for row in found}


def _uniques(table: str) -> list[list[str]]:
    """Constraints, which are no indexes that somebody has made."""
    bind = op.get_bind()
    names = [
        row[1]
        for row in bind.exec_driver_sql(f"PRAGMA index_list({table})").all()
        if row[2] and row[3] == "u"
    ]
    found = (bind.exec_driver_sql(f"PRAGMA index_info('{name}')").all() for name in names)
    return [[row[2] for row in rows] for rows in found]


def _copy(source: str, target: str, names: Sequence[str]) -> None:
    listed = ", ".join(f'"{name}"' for name in names)
    _execute(f"INSERT INTO {target} ({listed}) SELECT {listed} FROM {source}")


def _specification(table: str, column: sa.Column[object]) -> str:
    sa.Table(table, sa.MetaData(), column)
    return str(CreateColumn(column).compile(dialect=op.get_context().dialect))


def _execute(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)
