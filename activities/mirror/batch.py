"""A batch of changes: coalesced in memory to one row per key, written in few statements.

For the writer and tests. Knows the registers, not the queue and not what to do when a write fails.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, Table

from activities.mirror.changes import Change
from activities.mirror.registers import KEYS, REGISTERS, Row, merge, statement
from activities.mirror.rows import rows_of


class Batch:
    """Rows by table and key; adding a change merges it into them."""

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._rows: dict[Table, dict[tuple[object, ...], Row]] = {t: {} for t in REGISTERS}
        for change in changes:
            self.add(change)

    def add(self, change: Change) -> None:
        """Take a change in; of each register the greater version stays."""
        for table, row in rows_of(change):
            key = tuple(row[name] for name in KEYS[table])
            known = self._rows[table].setdefault(key, row)
            if known is not row:
                merge(table, known, row)

    def write(self, connection: Connection) -> None:
        """Upsert every row: one statement per table. The caller holds the transaction."""
        dialect = connection.dialect.name
        for table, rows in self._rows.items():
            if rows:
                # One order for all writers, so that two of them do not deadlock on rows.
                ordered = [rows[key] for key in sorted(rows)]
                connection.execute(statement(table, dialect), ordered)

    def rows(self, table: Table) -> Iterable[Row]:
        """The rows of one table, in the order in which they came."""
        return self._rows[table].values()

    def single(self) -> Iterator["Batch"]:
        """The same rows, one batch each: to find the one that the database refuses."""
        for table, rows in self._rows.items():
            for key, row in rows.items():
                alone = Batch()
                alone._rows[table][key] = row
                yield alone

    def keys(self) -> list[str]:
        """The rows by name, for a log line."""
        return [f"{table.name}{key}" for table, rows in self._rows.items() for key in rows]

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())
