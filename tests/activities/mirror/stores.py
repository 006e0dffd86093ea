"""Databases for tests: a migrated one for each test, on SQLite and on a real MariaDB.

The servers run once per session, whoever asks first. A MariaDB database goes back to a pool at the
end of its test, with its rows deleted; one whose tables or triggers a test has changed is dropped.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import MetaData, Table, delete

from dev.databases import DatabaseServer, RedisServer, mariadb, redis_server
from migrations.run import upgrade
from rules.source.engine import create_engine_for

StoreName = Literal["sqlite", "mariadb"]
STORES: tuple[StoreName, ...] = ("sqlite", "mariadb")
KEPT = ("alembic_version", "rule_revision")
"""Tables that a new database has rows in."""


class Stores:
    """The session's servers and empty databases."""

    def __init__(self, home: Path, opened: ExitStack) -> None:
        self._home = home
        self._opened = opened
        self._pool: list[str] = []
        self._tables: frozenset[object] = frozenset()
        self._numbers = count()

    @cached_property
    def mariadb(self) -> DatabaseServer:
        """The session's MariaDB."""
        return self._opened.enter_context(mariadb(self._home))

    @cached_property
    def redis(self) -> RedisServer:
        """The session's Redis."""
        return self._opened.enter_context(redis_server(self._home))

    @contextmanager
    def migrated(self, store: StoreName, folder: Path) -> Iterator[str]:
        """The URL of a database with all tables and no rows."""
        if store == "sqlite":
            shutil.copy(self._template, folder / "mirror.db")
            yield f"sqlite:///{folder}/mirror.db"
            return
        name = self._pool.pop() if self._pool else self._new_mariadb()
        yield self.mariadb.url_for(name)
        self._give_back(name)

    @contextmanager
    def empty(self, store: StoreName, folder: Path) -> Iterator[str]:
        """The URL of a database without tables."""
        if store == "sqlite":
            yield f"sqlite:///{folder}/empty.db"
            return
        name = f"t{next(self._numbers)}"
        yield self.mariadb.create(name)
        self.mariadb.execute(f"DROP DATABASE `{name}`")

    @cached_property
    def _template(self) -> Path:
        file = self._home / "template.db"
        upgrade(f"sqlite:///{file}")
        return file

    def _new_mariadb(self) -> str:
        name = f"t{next(self._numbers)}"
        upgrade(self.mariadb.create(name))
        self._tables = self._shape(name)
        return name

    def _give_back(self, name: str) -> None:
        if self._shape(name) != self._tables:
            self.mariadb.execute(f"DROP DATABASE `{name}`")
            return
        engine = create_engine_for(self.mariadb.url_for(name), "tests")
        with engine.begin() as connection:
            for (table,) in connection.exec_driver_sql("SHOW TABLES").all():
                if table not in KEPT:
                    connection.execute(delete(Table(table, MetaData())))
        engine.dispose()
        self._pool.append(name)

    def _shape(self, name: str) -> frozenset[object]:
        tables = self.mariadb.execute(f"SHOW TABLES FROM `{name}`")
        triggers = self.mariadb.execute(f"SHOW TRIGGERS FROM `{name}`")
        return frozenset(row[0] for row in (*tables, *triggers))


KEY = pytest.StashKey[Stores]()


def session_stores(config: pytest.Config, factory: pytest.TempPathFactory) -> Stores:
    """The session's stores: one set, whichever folder's fixture asks."""
    if KEY not in config.stash:
        opened = ExitStack()
        config.add_cleanup(opened.close)
        config.stash[KEY] = Stores(factory.mktemp("stores"), opened)
    return config.stash[KEY]
