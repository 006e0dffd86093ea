"""Build the worker for scripts of JVM languages, where its sources changed since the last time.

For `make test`, which tests it too, the launchers and the tests of both. Needs a JDK and Maven;
knows nothing of what the worker does.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.processes import log_tail

ROOT: Final = Path(__file__).parent.parent
MODULE: Final = ROOT / "activities" / "scripts" / "jvm"
GOLDEN: Final = ROOT / "tests" / "golden" / "scripts"
JAR: Final = Path("target", "dist", "chainsaga-jvm-worker.jar")
STAMP: Final = Path("target", "dist", "sources.sha256")
OLDEST: Final = 17
BUILD_LIMIT: Final = 1200.0
HEAP: Final = "-Xmx256m"
"""Of the worker itself; scripts run in processes with heaps of their own."""
TESTED: Final = "tested"
BUILT: Final = "built"

# Left by an earlier build, from sources that may be gone.
_STALE: Final = ("classes", "test-classes", "maven-status", "dist")


class JvmMissingError(RuntimeError):
    """The worker cannot be built or run here; the message says how to mend it."""


def worker_command(jar: Path, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """How the worker is started."""
    return (str(_java(environment, "java")), HEAP, "-jar", str(jar))


def worker_jar(
    environment: Mapping[str, str] = os.environ,
    *,
    tested: bool = False,
    module: Path = MODULE,
    golden: Path = GOLDEN,
) -> Path:
    """The worker's jar, built if need be; with its own tests where `tested`.

    Raises JvmMissingError.
    """
    _check_jdk(environment)
    jar = module / JAR
    (module / "target").mkdir(exist_ok=True)
    with _lock(module / "target" / ".lock"):
        wanted = _digest(module, golden)
        if not (jar.is_file() and _stamp(module) in _good(wanted, tested=tested)):
            _build(module, environment, tested=tested)
            (module / STAMP).write_text(f"{wanted} {TESTED if tested else BUILT}")
    return jar


def _good(wanted: str, *, tested: bool) -> tuple[str, ...]:
    return (f"{wanted} {TESTED}",) if tested else (f"{wanted} {TESTED}", f"{wanted} {BUILT}")


def _stamp(module: Path) -> str:
    try:
        return (module / STAMP).read_text()
    except FileNotFoundError:
        return ""


def _digest(module: Path, golden: Path) -> str:
    """What the jar and the outcome of its tests depend on, as one hash."""
    digest = hashlib.sha256()
    sources = [p for folder in (module / "src", golden) for p in folder.rglob("*") if p.is_file()]
    for path in (module / "pom.xml", *sorted(sources)):
        digest.update(os.fsencode(os.path.relpath(path, module)))
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(module: Path, environment: Mapping[str, str], *, tested: bool) -> None:
    maven = shutil.which("mvn", path=environment.get("PATH"))
    if maven is None:
        raise JvmMissingError(_missing("Maven is not installed"))
    words = "and tests " if tested else ""
    _say(f"Maven builds {words}the worker for scripts of JVM languages: about a minute.")
    for name in _STALE:
        shutil.rmtree(module / "target" / name, ignore_errors=True)
    skipped = () if tested else ("-DskipTests",)
    command = (maven, "--batch-mode", "--quiet", *skipped, "package")
    log = module / "target" / "build.log"
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                command,
                cwd=module,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=BUILD_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise JvmMissingError(f"Maven did not end in {BUILD_LIMIT:g} s; see {log}") from None
    if done.returncode != 0:
        raise JvmMissingError(f"`{' '.join(command)}` failed. The end of {log}:\n{log_tail(log)}")


def _check_jdk(environment: Mapping[str, str]) -> None:
    compiler = _java(environment, "javac")
    said = subprocess.run([compiler, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r"javac (\d+)", said.stdout + said.stderr)
    if version is None or int(version[1]) < OLDEST:
        found = version[0] if version is not None else f"{compiler} does not tell its version"
        raise JvmMissingError(_missing(f"a JDK {OLDEST} or newer is wanted, and this is {found}"))


def _java(environment: Mapping[str, str], program: str) -> Path:
    home = environment.get("JAVA_HOME")
    if home and (Path(home) / "bin" / program).is_file():
        return Path(home) / "bin" / program
    found = shutil.which(program, path=environment.get("PATH"))
    if found is None:
        raise JvmMissingError(_missing(f"`{program}` is not on PATH"))
    return Path(found)


def _missing(why: str) -> str:
    return (
        f"A JDK {OLDEST} and Maven are needed for scripts of JVM languages, and {why}.\n"
        "On Debian and Ubuntu: apt-get install openjdk-17-jdk-headless maven\n"
        "Elsewhere install both, so that `javac` and `mvn` are on PATH, or set JAVA_HOME."
    )


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back, also after a crash


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
