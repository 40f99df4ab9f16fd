"""Ends a load at once when a person or the system asks for it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from loaders import nights
from loaders.errors import INTERRUPTED


@contextmanager
def ended_at_once() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM end the process with one line, as a kill would; the next load repairs what that leaves.

    An exception would wait for answers under way and for DuckDB, and dlt would keep the first signal to itself: a
    thread that is woken by the signal itself waits for nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def watch() -> None:
        while number := os.read(reading, 1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):
                os.write(2, f"error: {INTERRUPTED}\n".encode())
                nights.interrupted()
                os._exit(128 + number[0])

    thread = threading.Thread(target=watch, name="signals", daemon=True)
    thread.start()
    woken = signal.set_wakeup_fd(writing)
    handler = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        signal.set_wakeup_fd(woken)
        os.close(writing)
        thread.join()
        os.close(reading)
