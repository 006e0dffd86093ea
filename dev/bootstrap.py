"""Make the virtual environment `.venv`: `python3 dev/bootstrap.py`.

For `make setup`. Runs on a bare Python 3.11 with nothing installed, so it imports the standard
library only. Every package comes from `dev/requirements.lock` and is checked against its hash.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
LOCK: Final = ROOT / "dev" / "requirements.lock"
STAMP: Final = VENV / "chainsaga-setup.sha256"
PYTHON: Final = VENV / "bin" / "python"
OLDEST: Final = (3, 11)


def wanted_stamp() -> str:
    """Return what the environment depends on, as one hash."""
    digest = hashlib.sha256()
    # The path too: scripts in a virtual environment hold it, so a moved checkout needs a new one.
    for part in (LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), os.fsencode(VENV)):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def is_ready(wanted: str) -> bool:
    """Tell whether the environment is there and was made from the present files."""
    try:
        return STAMP.read_text() == wanted and PYTHON.exists()
    except FileNotFoundError:
        return False


def uv_requirement(lock: str) -> str:
    """Return the part of a lock file that pins uv, with its hashes."""
    lines = lock.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("uv=="))
    block = [lines[start]]
    for line in lines[start + 1 :]:
        if not line.startswith("    --hash"):
            break
        block.append(line)
    return "\n".join(block).rstrip("\\ ") + "\n"


def install() -> None:
    """Create the environment and install the locked packages and this checkout into it."""
    if not PYTHON.exists():
        shutil.rmtree(VENV, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(VENV))
    STAMP.unlink(missing_ok=True)
    _install_locked()
    # `compat` puts the checkout itself on the path, so a new module needs no new installation.
    editable = ("--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat")
    _run(str(PYTHON), "-m", "pip", "install", "--quiet", *editable, "--editable", str(ROOT))


def _install_locked() -> None:
    # uv takes seconds where pip takes half a minute. It does not read pip's configuration, so where
    # packages come from a mirror set up for pip, it may fail and pip does it all.
    pip = (str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r")
    only_uv = VENV / "uv.lock.txt"
    only_uv.write_text(uv_requirement(LOCK.read_text()))
    _run(*pip, str(only_uv))
    # The system's certificates, as pip has them: a company's own authority is known there only.
    uv = (str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--system-certs", "--require-hashes")
    done = subprocess.run(
        (*uv, "--python", str(PYTHON), str(LOCK)), capture_output=True, check=False
    )
    if done.returncode != 0:
        _say("uv could not install the packages; pip does, in a minute or so.")
        _run(*pip, str(LOCK))


def _run(*command: str) -> None:
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"setup failed at: {' '.join(command)}{_advice(command)}")


def _advice(command: Sequence[str]) -> str:
    if "venv" in command:
        return "\nOn Debian and Ubuntu: apt-get install python3-venv"
    return "\nIt needs to reach a package index for Python. Nothing else was changed; try again."


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> None:
    """Do nothing if all is in place, else install and say how long it took."""
    if sys.version_info < OLDEST:
        raise SystemExit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    wanted = wanted_stamp()
    if is_ready(wanted):
        return
    _say("Setting up .venv with the locked packages: about 20 seconds, once.")
    started = time.monotonic()
    install()
    STAMP.write_text(wanted)
    _say(f"Ready after {time.monotonic() - started:.0f} s.")


if __name__ == "__main__":
    main()
