"""Makes SQLAlchemy engines: one place for what each database needs to be told.

For the composition roots (worker, API, command) and tests. Opens no connection by itself.
"""

from typing import Any, Final

import structlog
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS: Final = 5_000
RECYCLE_SECONDS: Final = 1_800
CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
"""How long a server may be silent before a statement fails; lists of large tables take seconds."""

PARAMETERS_SHOWN: Final = 500

_log = structlog.get_logger(__name__)

_DRIVERS: Final = {"mysql": "mysql+pymysql", "mariadb": "mariadb+pymysql"}


def create_engine_for(
    url: str | URL,
    process_name: str,
    *,
    answer_within: float | None = ANSWER_SECONDS,
    log_sql: bool = False,
) -> Engine:
    """An engine for `url`; MySQL shows `process_name` as the program of its connections.

    A server that hangs fails a statement after `answer_within` seconds (None: never, for work
    that may take long, such as migrations), and nobody waits longer for a connection of the pool.
    `log_sql` logs each statement with, cut short, its parameters.
    """
    address = make_url(url)
    address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address)
        event.listen(engine, "connect", _prepare_sqlite)
    else:
        engine = create_engine(
            address,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_SECONDS,
            pool_timeout=answer_within or ANSWER_SECONDS,
            connect_args=_mysql_arguments(process_name, answer_within),
        )
    if log_sql:
        event.listen(engine, "after_cursor_execute", _log_statement)
    return engine


def _log_statement(
    _connection: object,
    _cursor: object,
    statement: str,
    parameters: object,
    *_: object,
) -> None:
    _log.info("sql", statement=statement, parameters=repr(parameters)[:PARAMETERS_SHOWN])


# Any: the driver's own untyped keywords
def _mysql_arguments(process_name: str, answer_within: float | None) -> dict[str, Any]:
    return {
        "connect_timeout": CONNECT_SECONDS,
        # PyMySQL's limits are of the socket: they count silence, also while a server is suspended.
        "read_timeout": answer_within,
        "write_timeout": answer_within,
        "charset": "utf8mb4",
        # Column defaults (CURRENT_TIMESTAMP) must be UTC like the times that we write.
        "init_command": "SET time_zone = '+00:00'",
        "program_name": f"chainsaga {process_name}",
    }


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    # Readers and the writer do not block each other; several processes share one file.
    cursor.execute("PRAGMA journal_mode = WAL")
    # Safe in WAL mode against a crash of the process; only a power cut may lose the last writes.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
