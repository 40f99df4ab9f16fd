"""One rate for all senders together, and one pause when the server asks for one."""

from __future__ import annotations

import threading
import time

from loaders.icommkt.errors import StoppedError


class Limiter:
    """Hands out the moments at which a request may start.

    `per_second` 0 is no limit. `stop` ends every wait at once with StoppedError.
    """

    def __init__(self, per_second: float, stop: threading.Event) -> None:
        self.interval = 1 / per_second if per_second > 0 else 0.0
        self.stop = stop
        self._lock = threading.Lock()
        self._next = 0.0
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Let nobody start for so long: what Retry-After asks of one sender it asks of all."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            start = max(time.monotonic(), self._next)
            self._next = start + self.interval
        while True:
            with self._lock:
                until = max(start, self._paused_until)
            remaining = until - time.monotonic()
            if self.stop.is_set():
                raise StoppedError
            if remaining <= 0:
                return
            self.sleep(remaining)

    def sleep(self, seconds: float) -> None:
        """Sleep, unless told to stop meanwhile."""
        if self.stop.wait(seconds):
            raise StoppedError
