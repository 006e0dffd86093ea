"""A port on which a process without an API tells its metrics.

For the worker. Knows nothing of what the metrics are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

import structlog

PATH: Final = "/metrics"

_log = structlog.get_logger(__name__)


@contextmanager
def metrics_port(
    host: str, port: int | None, text: Callable[[], str], content_type: str
) -> Iterator[int | None]:
    """Answer `/metrics` on a port with what `text` gives; yields it, None without one.

    Port 0 is any that is free. A port that cannot be had is logged, and the process goes on.
    """
    server = _server(host, port, text, content_type) if port is not None else None
    if server is None:
        yield None
        return
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(
    host: str, port: int, text: Callable[[], str], content_type: str
) -> ThreadingHTTPServer | None:
    class Answer(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(404)
                return
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    try:
        server = ThreadingHTTPServer((host, port), Answer)
    except OSError as error:
        _log.error("metrics_not_served", host=host, port=port, why=str(error))
        return None
    server.daemon_threads = True
    return server
