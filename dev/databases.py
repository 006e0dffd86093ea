"""Private MariaDB (or MySQL) and Redis servers on this machine, for the tests and the launchers.

The programs are found, or installed from Debian's packages where that is allowed; only the
instances started here run, on free ports of 127.0.0.1 with their data in a folder of the caller's.
A test may stop a server, kill it and start it again on the same port with the same data. Knows
nothing of what is kept in them.
"""

import os
import secrets
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pymysql
import redis
from typing_extensions import override

from dev.database_programs import MariadbPrograms, mariadb_programs, redis_program
from dev.processes import ChildProcess, free_port, start, wait_until

HOST: Final = "127.0.0.1"
USER: Final = "chainsaga"
START_LIMIT: Final = 60.0
ASK_LIMIT: Final = 2

# Durable against a crash of the server, which is what tests do to it; not against a power cut.
_MARIADB_OPTIONS: Final = (
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--max-connections=300",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=64M",
    # Each program ignores what only the other one knows.
    "--loose-performance-schema=OFF",
    "--loose-mysqlx=OFF",
    "--loose-mysql-native-password=ON",
    "--loose-default-authentication-plugin=mysql_native_password",
)


class Server(ABC):
    """A private server: where it listens, and what can be done to its process."""

    def __init__(self, port: int, run: Callable[[], ChildProcess]) -> None:
        """`run` starts the process."""
        self.port = port
        self._run = run
        self._process: ChildProcess | None = None

    @property
    def process(self) -> ChildProcess:
        """The process behind it. Raises RuntimeError before the start."""
        if self._process is None:
            raise RuntimeError("the server was never started")
        return self._process

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self._process = process = self._run()
        wait_until(self._answers, START_LIMIT, f"{process.name} to answer", child=process)

    def suspend(self) -> None:
        """Stop the process without ending it: connections stay open and nothing answers."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a suspended process go on."""
        self.process.send(signal.SIGCONT)

    def kill(self) -> None:
        """End the process at once, as a crash would; `start` brings it back on the same port."""
        self.process.kill()

    def stop(self) -> None:
        """End the process in order, also when it is suspended."""
        if self._process is not None:
            self.resume()
            self._process.stop()

    @abstractmethod
    def ask(self) -> None:
        """Ask the server for a sign of life. Raises what its driver raises when there is none."""

    def _answers(self) -> bool:
        try:
            self.ask()
        except (pymysql.MySQLError, redis.RedisError):
            return False
        return True


class DatabaseServer(Server):
    """A MariaDB or MySQL server with one user, who may do everything."""

    def __init__(self, port: int, password: str, run: Callable[[], ChildProcess]) -> None:
        """The password is of this server alone."""
        super().__init__(port, run)
        self._password = password

    def url_for(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases, whether it is there or not."""
        return f"mysql+pymysql://{USER}:{self._password}@{HOST}:{self.port}/{database}"

    def create(self, database: str) -> str:
        """Make an empty database, in place of one that is there, and give its URL."""
        self.execute(f"DROP DATABASE IF EXISTS `{database}`")
        self.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
        return self.url_for(database)

    def execute(self, statement: str) -> tuple[tuple[object, ...], ...]:
        """Run a statement on a connection of its own, outside any database; the rows."""
        with pymysql.connect(
            host=HOST,
            port=self.port,
            user=USER,
            password=self._password,
            connect_timeout=ASK_LIMIT,
            read_timeout=START_LIMIT,
            autocommit=True,
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall()

    @override
    def ask(self) -> None:
        self.execute("SELECT 1")


class RedisServer(Server):
    """A Redis server that keeps nothing on disk."""

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://{HOST}:{self.port}/0"

    @override
    def ask(self) -> None:
        with redis.Redis(host=HOST, port=self.port, socket_timeout=ASK_LIMIT) as client:
            client.ping()


@contextmanager
def mariadb(home: Path) -> Iterator[DatabaseServer]:
    """Run a private MariaDB or MySQL for the length of a `with` block; its data stays in `home`."""
    programs, port, password = mariadb_programs(), free_port(), secrets.token_hex(16)
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    data, users, log = home / "mariadb", home / "users.sql", home / "mariadb.log"
    if not (data / "mysql").exists():
        _make_data(programs, data)
    users.touch(mode=0o600)
    users.write_text(
        f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n"
        f"ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}';\n"
        f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
    command: list[str | Path] = [
        programs.server,
        *("--no-defaults", *_as_user(), f"--datadir={data}"),
        # Relative to the data folder: a socket's path must be short, and `home` may not be.
        *("--socket=s.sock", f"--pid-file={home / 'mariadb.pid'}", f"--init-file={users}"),
        *(f"--port={port}", f"--bind-address={HOST}", *_MARIADB_OPTIONS),
    ]
    server = DatabaseServer(port, password, lambda: start(command, name="mariadb", log=log))
    with _serving(server):
        yield server


@contextmanager
def redis_server(home: Path) -> Iterator[RedisServer]:
    """Run a private Redis for the length of a `with` block."""
    program, port = redis_program(), free_port()
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [
        program,
        *("--bind", HOST, "--port", str(port), "--dir", home),
        *("--save", "", "--appendonly", "no"),
    ]
    server = RedisServer(port, lambda: start(command, name="redis", log=home / "redis.log"))
    with _serving(server):
        yield server


@contextmanager
def _serving(server: Server) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.stop()


def _make_data(programs: MariadbPrograms, data: Path) -> None:
    """The system's own tables, in a new folder."""
    common = ("--no-defaults", f"--datadir={data}", *_as_user())
    if programs.installer is None:
        command: list[str | Path] = [programs.server, *common, "--initialize-insecure"]
    else:
        local = "--auth-root-authentication-method=normal"
        command = [programs.installer, *common, "--skip-test-db", local]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=START_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise RuntimeError(f"cannot make a database in {data}:\n{done.stdout}{done.stderr}")


def _as_user() -> tuple[str, ...]:
    # As root the server wants to be told that it is meant: the folder may be open to root alone.
    return ("--user=root",) if os.geteuid() == 0 else ()
