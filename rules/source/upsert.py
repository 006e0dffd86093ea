"""INSERT or UPDATE in one statement: the only SQL that differs between the databases.

For the chain repository and the mirror. Callers say per column what a clash writes.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import Insert

from rules.errors import RuleError

Incoming: TypeAlias = ReadOnlyColumnCollection[str, ColumnElement[object]]
Assignments: TypeAlias = Iterable[tuple[str, ColumnElement[object]]]


class UnsupportedDatabase(RuleError):
    """The database is none of SQLite, MySQL and MariaDB."""


def upsert(
    dialect: str,
    table: Table,
    key: tuple[str, ...],
    assign: Callable[[Incoming], Assignments],
) -> Insert:
    """An INSERT into `table` that, where `key` exists, applies `assign(incoming row)` instead.

    Where many rows are written at once, assignments must hold no values of their own: PyMySQL
    makes one statement of the rows and fills in values between its brackets only. Their order
    matters: MySQL lets a later one see the columns that an earlier one has changed, so an
    expression that compares a column must come before that column's own.
    """
    match dialect:
        case "sqlite":
            lite = sqlite.insert(table)
            unique = [table.c[name] for name in key]
            return lite.on_conflict_do_update(
                index_elements=unique, set_=dict(assign(lite.excluded))
            )
        case "mysql" | "mariadb":
            my = mysql.insert(table)
            return my.on_duplicate_key_update(list(assign(my.inserted)))
        case _:
            raise UnsupportedDatabase(f"no upsert is known for the database '{dialect}'")
