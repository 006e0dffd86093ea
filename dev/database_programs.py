"""Find or install the programs of MariaDB (or MySQL) and Redis.

For `dev.databases` and `dev.tools`. On Debian, as root, missing ones are installed from its
packages, whose own services are neither started nor left to start at boot.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARIADB_VARIABLE: Final = "CHAINSAGA_MARIADB"
REDIS_VARIABLE: Final = "CHAINSAGA_REDIS"
MARIADB_NAMES: Final = ("mariadbd", "mysqld")
INSTALLER_NAMES: Final = ("mariadb-install-db", "mysql_install_db")
REDIS_NAMES: Final = ("redis-server", "valkey-server")

# The core packages are the programs alone: without a service, a user or a database of their own.
# MariaDB's installer calls a program that comes with the client.
MARIADB_PACKAGES: Final = ("mariadb-server-core", "mariadb-client-core")
REDIS_PACKAGES: Final = ("redis-server",)
INSTALL_LIMIT: Final = 900.0
SERVER_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/mysql/bin")
"""Where servers lie beside PATH, which for most users does not lead there."""

_LOCK_SECONDS: Final = 300
_ERROR_LINES: Final = 8
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_NO_SERVICES: Final = "#!/bin/sh\nexit 101\n"


class DatabaseMissingError(RuntimeError):
    """A database server is not there and cannot be installed; the message says how to mend it."""


@dataclass(frozen=True, slots=True)
class MariadbPrograms:
    """The server, and the program that makes its first data; None where the server does (MySQL)."""

    server: Path
    installer: Path | None


def find_mariadb(
    environment: Mapping[str, str] = os.environ, folders: Sequence[str] = SERVER_FOLDERS
) -> MariadbPrograms | None:
    """MariaDB's or MySQL's programs, if they are on this machine."""
    server = _find(MARIADB_VARIABLE, MARIADB_NAMES, environment, folders)
    if server is None:
        return None
    # Only its own: a MySQL does not go with the installer of a MariaDB elsewhere.
    own = os.pathsep.join((str(server.parent), str(server.parent.parent / "bin")))
    found = (shutil.which(name, path=own) for name in INSTALLER_NAMES)
    return MariadbPrograms(server, next((Path(path) for path in found if path), None))


def find_redis(
    environment: Mapping[str, str] = os.environ, folders: Sequence[str] = SERVER_FOLDERS
) -> Path | None:
    """Redis' server, if it is on this machine."""
    return _find(REDIS_VARIABLE, REDIS_NAMES, environment, folders)


def mariadb_programs(
    environment: Mapping[str, str] = os.environ, folders: Sequence[str] = SERVER_FOLDERS
) -> MariadbPrograms:
    """MariaDB's programs, installed if need be. Raises DatabaseMissingError."""
    found = find_mariadb(environment, folders)
    if found is None:
        _install("MariaDB", MARIADB_PACKAGES, MARIADB_VARIABLE, environment)
        found = find_mariadb(environment, folders)
    if found is None:
        raise DatabaseMissingError(_missing("MariaDB", MARIADB_PACKAGES, MARIADB_VARIABLE))
    return found


def redis_program(
    environment: Mapping[str, str] = os.environ, folders: Sequence[str] = SERVER_FOLDERS
) -> Path:
    """Redis' server, installed if need be. Raises DatabaseMissingError."""
    found = find_redis(environment, folders)
    if found is None:
        _install("Redis", REDIS_PACKAGES, REDIS_VARIABLE, environment)
        found = find_redis(environment, folders)
    if found is None:
        raise DatabaseMissingError(_missing("Redis", REDIS_PACKAGES, REDIS_VARIABLE))
    return found


def _find(
    variable: str, names: Sequence[str], environment: Mapping[str, str], folders: Sequence[str]
) -> Path | None:
    chosen = environment.get(variable)
    if chosen:
        if shutil.which(chosen) is None:
            raise DatabaseMissingError(f"{variable} is {chosen}, which is not a program")
        return Path(chosen)
    path = os.pathsep.join((environment.get("PATH", ""), *folders))
    found = (shutil.which(name, path=path) for name in names)
    return next((Path(place) for place in found if place), None)


def _install(
    name: str, packages: Sequence[str], variable: str, environment: Mapping[str, str]
) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get", path=environment.get("PATH")) is None:
        raise DatabaseMissingError(_missing(name, packages, variable))
    words = " and ".join(packages)
    sys.stderr.write(f"Installing Debian's {words} for the tests: half a minute, once.\n")
    with _no_services():
        _apt_get(environment, "update")
        _apt_get(environment, "install", "--yes", "--no-install-recommends", *packages)
    for package in packages:
        # A service was not started; nor shall it be at the next boot. Most packages have none.
        subprocess.run(
            ("update-rc.d", package, "disable"),
            env=dict(environment),
            capture_output=True,
            timeout=INSTALL_LIMIT,
            check=False,
        )


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian's own way to keep packages from starting what they bring."""
    ours = not _POLICY.exists()
    if ours:
        _POLICY.write_text(_NO_SERVICES)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink()


def _apt_get(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        ("apt-get", "-q", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS}", *arguments),
        env={**environment, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_ERROR_LINES:])
        raise DatabaseMissingError(f"`apt-get {arguments[0]}` failed:\n{tail}")


def _missing(name: str, packages: Sequence[str], variable: str) -> str:
    return (
        f"{name} is needed by the tests, and it is not on this machine.\n"
        "Any one of these mends it:\n"
        f"  - install it, so that its server is on PATH (Debian: {' and '.join(packages)})\n"
        f"  - set {variable} to the server's program\n"
        "  - run this as root on Debian, which installs it"
    )
