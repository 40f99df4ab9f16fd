"""Progress of a load: a line every few seconds, in a terminal and in a scheduler's log alike."""

from __future__ import annotations

import threading
import time

SECONDS = 10.0


class Progress:
    """Counts rows read per table and tells of them; used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._started: dict[str, float] = {}
        self._said_at = time.monotonic()

    def rows(self, table: str) -> int:
        """Rows read of a table so far."""
        return self._read.get(table, 0)

    def advance(self, table: str, rows: int, left: int = 0) -> None:
        """Count `rows` more of `table`, of which about `left` are to come."""
        with self._lock:
            now = time.monotonic()
            started = self._started.setdefault(table, now)
            done = self._read[table] = self._read.get(table, 0) + rows
            self._totals[table] = max(self._totals.get(table, 0), done + left)
            if now - self._said_at >= SECONDS:
                self._said_at = now
                print(f"  {_line(table, done, self._totals[table], now - started)}", flush=True)


def _line(table: str, done: int, total: int, seconds: float) -> str:
    """Say how far a table is: rows, rate, time left."""
    rate = done / max(seconds, 0.001)
    text = f"{table}: {done:,} of about {total:,} rows, {rate:,.0f}/s"
    if total <= done or not rate:
        return text
    minutes, rest = divmod(round((total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{text}, {left} left"
