"""Where this checkout keeps its running things, and on which ports `make up` listens.

For the demo and `make up`. Two checkouts on one machine do not meet: each has its own folder, and
takes the usual ports only while they are free. CHAINSAGA_HOME names another folder.
"""

import json
import os
import shlex
import socket
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from dev.processes import free_port
from dev.stack import ROOT, Ports
from dev.temporal_server import HOST

HOME_VARIABLE: Final = "CHAINSAGA_HOME"
USUAL: Final = Ports(temporal=7233, ui=8233, api=8000)


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of this checkout's running things; `.chainsaga` in it, unless one is named."""
    return Path(environment.get(HOME_VARIABLE) or ROOT / ".chainsaga").absolute()


def free_ports() -> Ports:
    """Ports that nothing uses at this moment."""
    return Ports(temporal=free_port(), ui=free_port(), api=free_port())


def kept_ports(file: Path) -> Ports:
    """The ports of the last `make up`, else the usual ones; each replaced where it is taken."""
    wanted = asdict(USUAL)
    if file.exists():
        wanted |= json.loads(file.read_text())
    ports = Ports(**{part: port if _free(port) else free_port() for part, port in wanted.items()})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(ports)))
    return ports


def link_temporal(binary: Path, home: Path) -> str:
    """A short name of the `temporal` command, as it can be typed in the checkout's folder."""
    link = home / "bin" / "temporal"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(binary)
    return shlex.quote(str(link.relative_to(ROOT) if link.is_relative_to(ROOT) else link))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
