"""Transactions that met another one and may be tried again at once (deadlock, lock wait).

For whoever writes to the database beside others. SQLite has no such errors: it waits.
"""

from typing import Final

from sqlalchemy.exc import DBAPIError

# Codes of MySQL and MariaDB; PyMySQL puts most of them into OperationalError, whatever they mean.
COLLISIONS: Final = frozenset({1205, 1213})  # lock wait timeout, deadlock


def code_of(error: DBAPIError) -> int | None:
    """The server's number of an error; SQLite's errors carry none here."""
    given = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return given if isinstance(given, int) else None


def collided(error: DBAPIError) -> bool:
    """Whether the same may well succeed if it is tried again."""
    return code_of(error) in COLLISIONS
