"""Which version guards which columns, and how two versions of a row become one.

A row is made of registers: groups of columns that are written together and guarded by one version
column. The greater version wins each register by itself, in memory (`merge`) and in SQL
(`statement`) alike, so writes may come late, twice or in any order and the row ends the same.
A step's row has several because several writers each know a part of it: its forward run, its undo
with what that is given (its record must not hide a late end of the forward run), the output (the
workflow keeps it only where the compensation needs it, the activity has it), and the status over
both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Table, case
from sqlalchemy.sql.dml import Insert

from activities.mirror.tables import saga_compensation_log, saga_execution, saga_step_execution
from rules.source.upsert import Incoming, upsert

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Register:
    """Columns that are written together, and the version column that guards them."""

    guard: str
    columns: tuple[str, ...]


def _all_columns(table: Table) -> tuple[Register, ...]:
    key = set(table.primary_key.columns.keys())
    rest = tuple(c.name for c in table.columns if c.name not in key and c.name != "version")
    return (Register("version", rest),)


REGISTERS: Final[Mapping[Table, tuple[Register, ...]]] = {
    saga_execution: _all_columns(saga_execution),
    saga_step_execution: (
        Register("version", ("status",)),
        Register(
            "forward_version",
            (
                "seq",
                "component",
                "tag",
                "outcome",
                "attempts",
                "error",
                "started_at",
                "ended_at",
                "ended",
                "name",
                "note",
                "sub_runs",
            ),
        ),
        Register("output_version", ("output",)),
        Register(
            "undo_version",
            (
                "compensation",
                "read_only",
                "input",
                "undo_attempts",
                "undo_error",
                "undo_started_at",
                "undo_ended_at",
                "undone",
            ),
        ),
    ),
    saga_compensation_log: _all_columns(saga_compensation_log),
}

KEYS: Final[Mapping[Table, tuple[str, ...]]] = {
    table: tuple(table.primary_key.columns.keys()) for table in REGISTERS
}


def merge(table: Table, row: Row, other: Row) -> None:
    """Take into `row` every register of which `other` has the greater version."""
    for register in REGISTERS[table]:
        if str(other[register.guard]) > str(row[register.guard]):
            row[register.guard] = other[register.guard]
            for column in register.columns:
                row[column] = other[column]


@cache
def statement(table: Table, dialect: str) -> Insert:
    """The upsert that does in SQL what `merge` does in memory."""

    def assign(incoming: Incoming) -> Iterator[tuple[str, ColumnElement[object]]]:
        for register in REGISTERS[table]:
            newer = incoming[register.guard] > table.c[register.guard]
            for name in (*register.columns, register.guard):
                yield name, case((newer, incoming[name]), else_=table.c[name])

    return upsert(dialect, table, KEYS[table], assign)
