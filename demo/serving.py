"""Run an application on a loopback port, and start such a server from another process.

`listen` is what a server's `__main__` calls; `serving` is what tests, `make demo` and benchmarks call.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LISTENING = re.compile(r"^listening on (http://\S+)$")
WITH_PARENT = "DEMO_SERVER_ENDS_WITH_PARENT"


class ServerStartError(RuntimeError):
    """A demo server ended, or said nothing, before it listened. The message carries its last lines."""


class _AnnouncingServer(uvicorn.Server):
    """Says where it listens once it does; port 0 is known only then."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if not self.should_exit and sockets:
            host, port = sockets[0].getsockname()[:2]
            print(f"listening on http://{host}:{port}", flush=True)


def listen(app: ASGIApp, port: int = 0) -> None:
    """Serve `app` until interrupted, printing `listening on http://HOST:PORT` when ready.

    Port 0 takes any free one. Neither `Server` nor `Date` is added: an imitation sends its own.
    """
    # With the protocol named, asyncio sends small answers at once (TCP_NODELAY).
    if os.environ.get(WITH_PARENT):
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True, name="parent watch").start()
    server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server_socket.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    _AnnouncingServer(config).run(sockets=[server_socket])


def _end_with_parent(parent: int) -> None:
    """End this process when the one that started it is gone, however that ended: nobody would stop the server then."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


@contextlib.contextmanager
def serving(module: str, *, database: str | Path, options: Sequence[str] = (), timeout: float = 60.0) -> Iterator[str]:
    """Start `python -m module --database DATABASE OPTIONS`, yield its base URL, stop it on leaving.

    `timeout` is in seconds. Raises `ServerStartError` when it is not listening by then.
    """
    command = [sys.executable, "-m", module, "--database", str(database), *options]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, WITH_PARENT: "1"},
    )
    last_lines: deque[str] = deque(maxlen=20)
    found: list[str] = []
    settled = threading.Event()

    def drain() -> None:
        # Read to the end, not only up to the announcement: a server must never block on a full pipe.
        if process.stdout is None:
            raise AssertionError
        for line in process.stdout:
            last_lines.append(line.rstrip())
            match = LISTENING.match(line.strip())
            if match and not found:
                found.append(match[1])
                settled.set()
            elif found:
                print(f"[{module}] {line.rstrip()}", file=sys.stderr)
        settled.set()

    reader = threading.Thread(target=drain, daemon=True, name=f"{module} output")
    reader.start()
    try:
        settled.wait(timeout)
        if not found:
            said = " | ".join(last_lines) or "nothing"
            raise ServerStartError(f"{module} is not listening after {timeout:g} s; it said: {said}")
        yield found[0]
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=5)
