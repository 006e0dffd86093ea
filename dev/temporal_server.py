"""The Temporal dev server as the demo, `make up` and the tests run it.

For the launchers and the test fixtures. Starts `temporal server start-dev` on 127.0.0.1 with the
settings below, waits until it answers and accepts the product's search attributes, and stops it at
the end. Knows the attribute names from `rules.wire` and nothing else of the product.
"""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev.processes import ChildProcess, free_port, running, wait_until
from rules.wire import SEARCH_ATTRIBUTES

HOST: Final = "127.0.0.1"
NAMESPACE: Final = "default"
START_LIMIT: Final = 60.0
_CALL_LIMIT: Final = 5.0

# The dev server has one history shard and polls each of its queues 20 times a second, which costs
# 50 ms at every hop of a workflow. With these values five steps take 95 ms instead of 550.
DYNAMIC_CONFIG: Final[Mapping[str, str]] = {
    "history.transferProcessorMaxPollRPS": "5000",
    "history.timerProcessorMaxPollRPS": "5000",
    "history.visibilityProcessorMaxPollRPS": "5000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "system.enableActivityEagerExecution": "true",
    "system.enableEagerWorkflowStart": "true",
}

_VALUE_IN_QUERY: Final[Mapping[str, str]] = {"Keyword": '"x"', "Int": "1"}


@dataclass(frozen=True, slots=True)
class DevServer:
    """A dev server that answers: where it is, and the process behind it."""

    address: str
    ui_url: str
    namespace: str
    process: ChildProcess


@contextmanager
def dev_server(
    binary: Path,
    *,
    log: Path,
    database: Path | None = None,
    port: int | None = None,
    ui_port: int | None = None,
) -> Iterator[DevServer]:
    """Run a dev server for the length of a `with` block, ready for workers and clients.

    Without `database` everything is kept in memory; with it, an existing file is continued. Ports
    that are not given are chosen from the free ones.
    """
    frontend, ui, http = port or free_port(), ui_port or free_port(), free_port()
    command: list[str | Path] = [
        *(binary, "server", "start-dev", "--ip", HOST, "--ui-ip", HOST, "--log-level", "warn"),
        *("--port", str(frontend), "--ui-port", str(ui), "--http-port", str(http)),
        # Chosen by us: the server's own choice has been seen to collide when two start at once.
        *("--metrics-port", str(free_port())),
        *_repeated("--dynamic-config-value", DYNAMIC_CONFIG),
        *_repeated("--search-attribute", SEARCH_ATTRIBUTES),
    ]
    if database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        # Twice the throughput of the default rollback journal, and still durable.
        command += ["--db-filename", database, "--sqlite-pragma", "journal_mode=wal"]
    environment = _clean_environment()
    address = f"{HOST}:{frontend}"
    with running(command, name="temporal dev server", log=log, env=environment) as process:
        api = f"http://{HOST}:{http}/api/v1/namespaces/{NAMESPACE}"
        found = wait_until(
            lambda: _registered(api), START_LIMIT, "Temporal to answer", child=process
        )
        _register_missing(binary, address, found, environment)
        wait_until(
            lambda: _queryable(api), START_LIMIT, "Temporal's search attributes", child=process
        )
        ui_url = f"http://{HOST}:{ui}"
        wait_until(lambda: _answers(ui_url), START_LIMIT, "Temporal's Web UI", child=process)
        yield DevServer(address=address, ui_url=ui_url, namespace=NAMESPACE, process=process)


def _repeated(flag: str, values: Mapping[str, str]) -> list[str]:
    return [word for key, value in values.items() for word in (flag, f"{key}={value}")]


def _clean_environment() -> dict[str, str]:
    # A developer's own Temporal profile (address, TLS, API key) must not leak into a local server.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
    return environment | {"TEMPORAL_CONFIG_FILE": os.devnull}


def _fetch(url: str) -> bytes | None:
    # An empty ProxyHandler: a proxy from the environment must not see calls to this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_CALL_LIMIT) as response:
            body: bytes = response.read()
            return body
    except OSError:  # refused, timed out, or an HTTP error: not ready yet
        return None


def _answers(url: str) -> bool:
    return _fetch(url) is not None


def _registered(api: str) -> frozenset[str] | None:
    # `None` is "no answer yet"; the fixed member makes the answer of an empty server count as true.
    body = _fetch(f"{api}/search-attributes")
    if body is None:
        return None
    return frozenset(json.loads(body).get("customAttributes", {})) | {"WorkflowType"}


def _register_missing(
    binary: Path, address: str, found: frozenset[str], environment: Mapping[str, str]
) -> None:
    # `start-dev --search-attribute` is ignored for a database file that exists already.
    for name, kind in SEARCH_ATTRIBUTES.items():
        if name in found:
            continue
        command: list[str | Path] = [
            binary,
            "operator",
            "search-attribute",
            "create",
            "--address",
            address,
        ]
        command += ["--namespace", NAMESPACE, "--name", name, "--type", kind]
        done = subprocess.run(
            command,
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=START_LIMIT,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"cannot register search attribute {name}: {done.stderr.strip()}")


def _queryable(api: str) -> bool:
    # Listed is not yet usable: each part of the server has its own cache of the names.
    query = " AND ".join(f"{n} = {_VALUE_IN_QUERY[k]}" for n, k in SEARCH_ATTRIBUTES.items())
    return _answers(f"{api}/workflows?{urllib.parse.urlencode({'query': query})}")
