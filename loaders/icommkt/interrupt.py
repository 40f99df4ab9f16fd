"""Ends a run between two steps when a person or the system asks for it.

An exception raised out of a signal handler can surface inside DuckDB, which turns it into another error or loses it. So
the handler only takes note, and the run looks where it can stop without leaving anything half done.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_asked = threading.Event()
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """Take note of the first signal; a second one ends the process at once, as a crash would, which the state bears."""
    _asked.clear()
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def take_note(number: int, _frame: FrameType | None) -> None:
        _asked.set()
        for each in SIGNALS:
            signal.signal(each, _end)

    for number in SIGNALS:
        signal.signal(number, take_note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_number: int, _frame: FrameType | None) -> None:
    # An exception would wait for the senders, and so for answers that may take a minute.
    os.write(2, b"error: ended at once; run the same command again to continue\n")
    os._exit(130)


def check() -> None:
    """Raise KeyboardInterrupt when the run was asked to end."""
    if _asked.is_set():
        raise KeyboardInterrupt
