"""`make up`: everything running until Ctrl-C; data stays in `.chainsaga/up` and is continued.

Run as `python -m dev.up`; with `--jvm` also the worker for scripts of JVM languages.
"""

import signal
import sys
from collections.abc import Sequence
from threading import Event

from dev.commands import commands, printed
from dev.jvm import JvmMissingError, worker_jar
from dev.places import home_folder, kept_ports, link_temporal
from dev.processes import ChildDiedError
from dev.samples import prepare
from dev.stack import Stack, stack
from dev.tools import ToolMissingError, temporal_binary

CHECK_SECONDS = 1.0


def main(arguments: Sequence[str] = ()) -> int:
    """Run until stopped; 1 when a part died or a tool is missing."""
    try:
        binary = temporal_binary()
        jvm = worker_jar() if "--jvm" in arguments else None
    except (ToolMissingError, JvmMissingError) as error:
        print(error, file=sys.stderr)
        return 1
    stop = Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda *_: stop.set())
    home = home_folder() / "up"
    ports = kept_ports(home / "ports.json")
    temporal = link_temporal(binary, home_folder())
    prepare(home).dispose()
    print("Starting Temporal, a worker and the API; a few seconds …", flush=True)
    try:
        with stack(home, binary, ports, persistent=True, jvm=jvm) as running:
            print(f"API          {running.api_url}/docs")
            print(f"Temporal UI  {running.temporal.ui_url}")
            print(f"Logs, data   {home}")
            tries = printed(commands(ports, temporal))
            print(f"\nTry, from this folder:\n\n{tries}\n\nStop with Ctrl-C.", flush=True)
            _watch(running, stop)
    except ChildDiedError as error:
        print(error, file=sys.stderr)
        return 1
    print("Stopped. The next `make up` goes on where this one ended.")
    return 0


def _watch(running: Stack, stop: Event) -> None:
    while not stop.wait(CHECK_SECONDS):
        for child in (running.temporal.process, running.worker, running.api, *running.further):
            child.check_alive()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
