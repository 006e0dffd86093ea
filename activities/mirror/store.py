"""A place where batches are kept, and the SQL database as one.

For the writer's lanes. Redis, the other one, is `hot.py`. What to do after a failure is not known
here, only what kind of failure it is.
"""

from enum import Enum, auto
from typing import Final, Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from activities.mirror.batch import Batch
from rules.source.collisions import code_of, collided


class Verdict(Enum):
    """What a failed write means for the batch."""

    COLLIDED = auto()
    """Another writer was in the way: the same write will succeed at once."""
    DOWN = auto()
    """The same write may succeed later."""
    REFUSED = auto()
    """Something in the batch will never be accepted."""


class Store(Protocol):
    """Keeps rows; the greater version of each register wins, so every write may be repeated."""

    @property
    def name(self) -> str:
        """What it is called in log lines."""

    def write(self, batch: Batch) -> None:
        """Keep the batch. May raise anything."""

    def judge(self, error: Exception) -> Verdict:
        """What an error of `write` means."""


# Codes of MySQL and MariaDB; PyMySQL puts most of them into OperationalError, whatever they mean.
_NOT_THERE_YET: Final = frozenset({1049, 1054, 1146})  # database, column, table: not migrated yet
_REFUSALS: Final = frozenset(
    {
        1118,  # row too large
        1153,  # packet too large
        1644,  # a trigger's SIGNAL
        3819,  # a check constraint (MySQL)
        4025,  # a check constraint (MariaDB)
    }
)


class SqlStore:
    """The mirror's tables, in one transaction per batch."""

    name = "database"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, batch: Batch) -> None:
        """Upsert the batch's rows."""
        with self._engine.begin() as connection:
            batch.write(connection)

    def judge(self, error: Exception) -> Verdict:
        """No connection, no table yet, a lock: later. A row that is wrong: never."""
        if isinstance(error, DBAPIError):
            code = code_of(error)
            if collided(error):
                return Verdict.COLLIDED
            if error.connection_invalidated or code in _NOT_THERE_YET:
                return Verdict.DOWN
            if code in _REFUSALS or isinstance(error, ProgrammingError):
                return Verdict.REFUSED
        outage = isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError)
        return Verdict.DOWN if outage else Verdict.REFUSED
