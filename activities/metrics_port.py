"""A port on which a process without an API tells its metrics.

For the worker. Knows nothing of what the metrics are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry, start_http_server

_log = structlog.get_logger(__name__)


@contextmanager
def metrics_port(host: str, port: int | None, registry: CollectorRegistry) -> Iterator[int | None]:
    """Answer on a port with the registry's metrics; yields it, None without one.

    Port 0 is any that is free. A port that cannot be had is logged, and the process goes on.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        _log.error("metrics_not_served", host=host, port=port, why=str(error))
        yield None
        return
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
