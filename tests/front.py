"""A server between the loader and a store, which can spoil what the store answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Asked:
    """A request, and the store's own answer to it, `body`."""

    path: str
    authorization: str
    body: bytes
    method: str = "GET"
    sent: bytes = b""


@dataclass
class Spoilt:
    """What is sent instead; `raw` writes all there is, the status line too."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    raw: Iterator[bytes] | None = None


@dataclass
class Front:
    """`spoil` may give another answer for a request. `asked` are all requests, `spoilt` how many were answered so."""

    url: str = ""
    spoil: Callable[[Asked], Spoilt | None] = lambda _: None
    asked: list[Asked] = field(default_factory=list)
    spoilt: int = 0


@contextmanager
def front_of(store_url: str) -> Iterator[Front]:
    """Serve a front of the store at `store_url` on loopback."""
    front = Front()
    store = urlsplit(store_url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet, or each answer waits 40 ms

        def _do(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = HTTPConnection(str(store.hostname), store.port or 80, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Accept-Encoding")}
            connection.request(self.command, self.path, sent, headers)
            answer = connection.getresponse()
            asked = Asked(self.path, self.headers.get("Authorization", ""), answer.read(), self.command, sent)
            front.asked.append(asked)
            found = front.spoil(asked)
            front.spoilt += found is not None
            kept = {name: value for name, value in answer.getheaders() if name.lower() in ("content-type", "date")}
            connection.close()
            with suppress(ConnectionError):
                self._send(found or Spoilt(asked.body, answer.status, kept))

        def _send(self, answer: Spoilt) -> None:
            if answer.raw is not None:
                self.close_connection = True
                for part in answer.raw:
                    self.wfile.write(part)
                    self.wfile.flush()
                return
            self.send_response_only(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = _do  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who asked has had enough
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)  # ends as soon as it is told
    thread.start()
    front.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
