"""A webhook on a real socket: it keeps what it is sent, and answers as a test says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """What came, and with which status it is answered; `taken` are the bodies answered 2xx."""

    url: str = ""
    status: int = 204
    asked: int = 0
    refused_for: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> int:
        self.asked += 1
        status = 400 if self.refused_for and body["tenant"] == self.refused_for else self.status
        if 200 <= status < 300:
            self.taken.append(body)
            self.headers.append(headers)
        return status


@contextmanager
def open_hook(port: int = 0) -> Iterator[Hook]:
    """A webhook that listens."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = hook.answer(body, dict(self.headers))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", hook.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook?token=secret"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
