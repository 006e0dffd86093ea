"""Runs the migrations from a program: no ini file, no settings, from wherever it is installed.

For the launchers, the command and tests.
"""

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from rules.source.engine import create_engine_for


def upgrade(database: str | Engine, revision: str = "head") -> None:
    """Bring the database up to `revision`."""
    _run(database, revision, up=True)


def downgrade(database: str | Engine, revision: str = "base") -> None:
    """Take the database back to `revision`; `base` leaves none of our tables."""
    _run(database, revision, up=False)


def render(dialect_url: str, revision: str = "head") -> str:
    """The SQL of an upgrade from nothing, for the dialect of a URL that nobody connects to."""
    out = io.StringIO()
    config = _config(out)
    config.attributes["url"] = dialect_url
    command.upgrade(config, revision, sql=True)
    return out.getvalue()


def _run(database: str | Engine, revision: str, *, up: bool) -> None:
    ours = isinstance(database, str)
    engine = _engine(database) if isinstance(database, str) else database
    config = _config(io.StringIO())
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # It would begin with the first change of rows: what was made before would stay.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            (command.upgrade if up else command.downgrade)(config, revision)
    finally:
        if ours:
            engine.dispose()


def _engine(url: str) -> Engine:
    return create_engine_for(url, "migrations", answer_within=None)


def _config(out: io.StringIO) -> Config:
    config = Config(output_buffer=out)
    # Alembic reads options with ini rules, where a lone percent sign is an error.
    here = str(Path(__file__).parent).replace("%", "%%")
    config.set_main_option("script_location", here)
    return config
