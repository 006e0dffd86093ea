"""Alembic's entry: on which database, for which tables the migrations run.

Run by Alembic for every command, also by `migrations/run.py`, which hands over a connection. From
Alembic's own command line the database is `-x url=...` or `CHAINSAGA_DATABASE_URL`.
"""

import os
from typing import Final

from alembic import context
from sqlalchemy import Connection

from activities.mirror import tables as mirror_tables
from rules.source import tables as rule_tables
from rules.source.engine import create_engine_for

URL_VARIABLE: Final = "CHAINSAGA_DATABASE_URL"
METADATA: Final = [rule_tables.metadata, mirror_tables.metadata]


class NoDatabase(Exception):
    """Nobody said on which database to run."""


def _url() -> str:
    given = context.config.attributes.get("url")
    url = given or context.get_x_argument(as_dictionary=True).get("url")
    url = url or os.environ.get(URL_VARIABLE)
    if not url:
        raise NoDatabase(f"say which database: -x url=... or {URL_VARIABLE}")
    return str(url)


def _render() -> None:
    context.configure(url=_url(), target_metadata=METADATA, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=METADATA)
    with context.begin_transaction():
        context.run_migrations()


def _run() -> None:
    if context.is_offline_mode():
        _render()
        return
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    engine = create_engine_for(_url(), "migrations", answer_within=None)
    with engine.begin() as opened:
        _migrate(opened)
    engine.dispose()


_run()
