"""The whole product on this machine: Temporal, a database, a worker and the API, as processes.

For the demo, `make up` and the tests that need real processes. Everything is bound to 127.0.0.1;
data, logs and ports are kept below one folder.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from dev.jvm import worker_command
from dev.processes import ChildProcess, running, wait_until
from dev.temporal_server import HOST, DevServer, dev_server

ROOT: Final = Path(__file__).parent.parent
READY_LIMIT: Final = 60.0
COMPONENTS: Final = "CHAINSAGA_COMPONENTS"
SAMPLES: Final = "activities.components"
JVM_READY: Final = "jvm worker ready"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen."""

    temporal: int
    ui: int
    api: int


@dataclass(frozen=True, slots=True)
class Stack:
    """The running parts. `environment` is what a further process of the product needs.

    `further` has the JVM worker if there is one.
    """

    temporal: DevServer
    worker: ChildProcess
    api: ChildProcess
    api_url: str
    environment: Mapping[str, str]
    further: tuple[ChildProcess, ...] = ()


def product_environment(home: Path, temporal: str, ui_url: str, api_port: int) -> dict[str, str]:
    """The settings of worker and API whose data lies in `home`.

    Of the caller's own settings two count: the packages of `CHAINSAGA_COMPONENTS` come beside the
    samples, and `CHAINSAGA_REDIS_URL` is passed on.
    """
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("TEMPORAL_", "CHAINSAGA_"))
    }
    components = ",".join((SAMPLES, *os.environ.get(COMPONENTS, "").split(",")))
    redis = {name: url for name, url in os.environ.items() if name == "CHAINSAGA_REDIS_URL"}
    return {
        **inherited,
        **redis,
        COMPONENTS: components.rstrip(","),
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "CHAINSAGA_DATABASE_URL": f"sqlite:///{home}/chainsaga.db",
        "CHAINSAGA_SHOP_URL": f"sqlite:///{home}/shop.db",
        "CHAINSAGA_UI_URL": ui_url,
        "CHAINSAGA_API_HOST": HOST,
        "CHAINSAGA_API_PORT": str(api_port),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def stack(
    home: Path, binary: Path, ports: Ports, *, persistent: bool, jvm: Path | None = None
) -> Iterator[Stack]:
    """Run everything for the length of a `with` block; the database must be prepared before.

    With `persistent`, Temporal's own database is a file in `home` and continued next time. With
    `jvm`, the JVM worker's jar, that worker runs too.
    """
    with ExitStack() as parts:
        temporal = parts.enter_context(
            dev_server(
                binary,
                log=home / "temporal.log",
                database=home / "temporal.db" if persistent else None,
                port=ports.temporal,
                ui_port=ports.ui,
            )
        )
        environment = product_environment(home, temporal.address, temporal.ui_url, ports.api)
        if jvm is not None:
            environment |= {"CHAINSAGA_JVM_WORKER": "true"}
        worker = parts.enter_context(product_process("worker", home, environment))
        api = parts.enter_context(product_process("api", home, environment))
        further = [parts.enter_context(jvm_process(jvm, home, environment))] if jvm else []
        api_url = f"http://{HOST}:{ports.api}"
        wait_until(lambda: _ready(api_url), READY_LIMIT, "the API", child=api)
        wait_for_words(worker, "worker ready")
        for child in further:
            wait_for_words(child, JVM_READY)
        yield Stack(temporal, worker, api, api_url, environment, tuple(further))


@contextmanager
def product_process(
    command: str, home: Path, environment: Mapping[str, str], log: str | None = None
) -> Iterator[ChildProcess]:
    """Run `chainsaga COMMAND` in a process of its own."""
    path = home / f"{log or command}.log"
    # A log of an earlier run would say that this one is ready.
    path.unlink(missing_ok=True)
    words = [sys.executable, "-m", "api.cli.main", command]
    with running(words, name=f"chainsaga {command}", log=path, env=environment, cwd=ROOT) as child:
        yield child


@contextmanager
def jvm_process(
    jar: Path, home: Path, environment: Mapping[str, str], log: str = "jvm-worker"
) -> Iterator[ChildProcess]:
    """Run the worker for scripts of JVM languages."""
    path = home / f"{log}.log"
    path.unlink(missing_ok=True)
    words = worker_command(jar, environment)
    with running(words, name="the JVM worker", log=path, env=environment, cwd=home) as child:
        yield child


def wait_for_words(child: ChildProcess, words: str) -> None:
    """Wait until the log of a process has them. Raises ChildDiedError, TimeoutError."""
    wait_until(lambda: words in child.log.read_text(), READY_LIMIT, child.name, child=child)


def _ready(api_url: str) -> bool:
    try:
        return httpx2.get(f"{api_url}/ready", timeout=5).is_success
    except httpx2.TransportError:
        return False
