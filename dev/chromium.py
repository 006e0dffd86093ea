"""Find or install Chromium for the console's browser tests.

For `dev.tools` and the browser fixture. Playwright is given its path, so no browser of
Playwright's own is downloaded. Nothing outside the tests needs a browser.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CHROMIUM_VARIABLE: Final = "CHAINSAGA_CHROMIUM"
NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_LIMIT: Final = 900.0
_ERROR_LINES: Final = 8

# The fonts are only recommended by Chromium's package; without any, pages render as empty boxes.
_PACKAGES: Final = ("chromium", "fonts-liberation")
_MEND: Final = f"Install Chromium or Chrome, or set {CHROMIUM_VARIABLE} to its binary."


class ChromiumMissingError(RuntimeError):
    """Chromium cannot be used or installed here; the message says how to mend it."""


def find_chromium(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return Chromium's path if it is on this machine."""
    chosen = environment.get(CHROMIUM_VARIABLE)
    if chosen:
        if shutil.which(chosen) is None:
            raise ChromiumMissingError(f"{CHROMIUM_VARIABLE} is {chosen}, not a program. {_MEND}")
        return Path(chosen)
    found = (shutil.which(name, path=environment.get("PATH")) for name in NAMES)
    return next((Path(path) for path in found if path is not None), None)


def install_chromium(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Install Debian's Chromium when that is allowed here.

    Elsewhere it is an error on CI; on a developer's machine it is a notice, and the browser tests
    fail until Chromium is there.
    """
    if os.geteuid() != 0 or shutil.which("apt-get", path=environment.get("PATH")) is None:
        words = f"No Chromium found for the browser tests. {_MEND}"
        if environment.get("CI"):
            raise ChromiumMissingError(words)
        sys.stderr.write(f"{words} They fail until then.\n")
        return None
    sys.stderr.write("Installing Debian's Chromium for the browser tests: a minute or two, once.\n")
    _apt_get(environment, "update")
    _apt_get(environment, "install", "--yes", "--no-install-recommends", *_PACKAGES)
    return find_chromium(environment)


def _apt_get(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        ("apt-get", "-q", *arguments),
        env={**environment, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_LIMIT,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_ERROR_LINES:])
        raise ChromiumMissingError(f"`apt-get {arguments[0]}` failed:\n{tail}\n{_MEND}")
