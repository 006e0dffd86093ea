"""Find or install the programs that Python packages cannot bring: `python -m dev.tools`.

For the launchers (the `temporal` command) and the tests (also Chromium, MariaDB, Redis and the JVM
worker). Knows where such programs are found, and nothing of what they are used for.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

from dev.chromium import find_chromium, install_chromium
from dev.database_programs import mariadb_programs, redis_program
from dev.jvm import worker_jar

TEMPORAL_VERSION: Final = "v1.5.1"  # the newest that `go install` can build
TEMPORAL_MODULE: Final = f"github.com/temporalio/cli/cmd/temporal@{TEMPORAL_VERSION}"
TEMPORAL_VARIABLE: Final = "CHAINSAGA_TEMPORAL_BINARY"

BUILD_LIMIT: Final = 1800.0
# With Go at hand a slow or blocked download is not worth a long wait; without, it is all there is.
DOWNLOAD_LIMIT_WITH_GO: Final = 60.0
DOWNLOAD_LIMIT_ALONE: Final = 600.0
_ERROR_LINES: Final = 8


# Folder, time limit in seconds, environment -> the binary, or None when it cannot be downloaded.
Download: TypeAlias = Callable[[Path, float, Mapping[str, str]], Path | None]


class ToolMissingError(RuntimeError):
    """A program is not there and could not be installed; the message says how to mend it."""


def tool_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in the user's cache where this project keeps programs it installed."""
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "chainsaga" / "tools"


def find_temporal(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the `temporal` binary if there is one on this machine, without installing any."""
    chosen = environment.get(TEMPORAL_VARIABLE)
    if chosen:
        return _checked(Path(chosen))
    on_path = shutil.which("temporal", path=environment.get("PATH"))
    if on_path is not None:
        return Path(on_path)
    kept = _kept(environment)
    return kept if _is_program(kept) else None


def sdk_download(folder: Path, limit: float, environment: Mapping[str, str]) -> Path | None:
    """Let the Temporal SDK download the binary into the folder; None when it cannot in time."""
    # A process of its own: the SDK logs a failed download at length and cannot be told a limit.
    command = [sys.executable, "-m", "dev.sdk_download", str(folder), TEMPORAL_VERSION]
    try:
        subprocess.run(
            command, env=dict(environment), capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    # Judged by what is there: the SDK may abort at interpreter exit after it did its work.
    return next((path for path in sorted(folder.rglob("temporal*")) if _is_program(path)), None)


def temporal_binary(
    environment: Mapping[str, str] = os.environ, *, download: Download = sdk_download
) -> Path:
    """Return the `temporal` binary, installing it once into the tool folder if need be."""
    found = find_temporal(environment)
    if found is not None:
        return found
    target = _kept(environment)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target.parent / ".lock"):
        if not _is_program(target):  # another process may have installed it while we waited
            _install_temporal(target, environment, download)
    return target


def _install_temporal(target: Path, environment: Mapping[str, str], download: Download) -> None:
    go = shutil.which("go", path=environment.get("PATH"))
    limit = DOWNLOAD_LIMIT_ALONE if go is None else DOWNLOAD_LIMIT_WITH_GO
    _say(f"No `temporal` command found. Trying to download {TEMPORAL_VERSION}.")
    # In the tool folder itself, so that the last step is a rename within one file system.
    with TemporaryDirectory(prefix="install-", dir=target.parent) as name:
        folder = Path(name)
        staged = download(folder, limit, environment)
        if staged is None and go is not None:
            staged = _build(go, folder, environment)
        if staged is None:
            raise ToolMissingError(_missing("it could not be downloaded, and Go is not installed"))
        _checked(staged).replace(target)
    _say(f"Installed {target}.")


def _build(go: str, folder: Path, environment: Mapping[str, str]) -> Path:
    _say(f"That failed, so Go builds {TEMPORAL_VERSION}: 3 to 8 minutes, once for this user.")
    command = [go, "install", TEMPORAL_MODULE]
    try:
        done = subprocess.run(
            command,
            env={**environment, "GOBIN": str(folder)},
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolMissingError(_missing(f"Go did not build it in {BUILD_LIMIT:g} s")) from None
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-_ERROR_LINES:])
        raise ToolMissingError(_missing(f"`{' '.join(command)}` failed:\n{tail}"))
    return folder / "temporal"


def _missing(why: str) -> str:
    return (
        f"The `temporal` command is needed to run Temporal on this machine, and {why}.\n"
        "Any one of these mends it:\n"
        "  - install Temporal's CLI, so that `temporal` is on PATH\n"
        f"  - set {TEMPORAL_VARIABLE} to the binary\n"
        "  - install Go 1.24 or newer and try again"
    )


def _checked(program: Path) -> Path:
    if not _is_program(program):
        raise ToolMissingError(_missing(f"{program} is not a program that can be run"))
    return program


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _kept(environment: Mapping[str, str]) -> Path:
    return tool_folder(environment) / "temporal"


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another process is installing the `temporal` command; waiting for it.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back, also after a crash


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def main() -> int:
    """Make sure of everything that the tests need; say what was found."""
    try:
        _say(f"temporal: {temporal_binary()}")
        _say(f"chromium: {find_chromium() or install_chromium() or 'none'}")
        _say(f"mariadb: {mariadb_programs().server}")
        _say(f"redis: {redis_program()}")
        _say(f"jvm worker: {worker_jar(tested=True)}")
    except RuntimeError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
