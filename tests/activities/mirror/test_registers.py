"""The upsert as text: the order of its assignments, also for the database that is not run here."""

import re

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect

from activities.mirror.registers import KEYS, REGISTERS, statement
from rules.source.upsert import UnsupportedDatabase

DIALECTS = [mysql.dialect(), MariaDBDialect()]


def test_every_column_belongs_to_the_key_or_to_one_register() -> None:
    for table, registers in REGISTERS.items():
        columns = [*KEYS[table]]
        for register in registers:
            columns += [register.guard, *register.columns]
        assert sorted(columns) == sorted(table.columns.keys())


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_a_version_is_assigned_after_all_that_compare_it(dialect: Dialect) -> None:
    """MySQL assigns from left to right and lets later expressions see earlier results."""
    for table, registers in REGISTERS.items():
        sql = str(statement(table, dialect.name).compile(dialect=dialect))
        assignments = sql.partition("ON DUPLICATE KEY UPDATE ")[2]
        order = re.findall(r"(?:^|, )(\w+) = CASE", assignments)
        for register in registers:
            own = order.index(register.guard)
            assert all(order.index(column) < own for column in register.columns)


def test_an_unknown_database_is_refused() -> None:
    table = next(iter(REGISTERS))
    with pytest.raises(UnsupportedDatabase, match="postgresql"):
        statement(table, "postgresql")
