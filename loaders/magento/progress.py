"""Progress of a load: bars in a terminal, plain lines elsewhere (a scheduler's log)."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

PLAIN_SECONDS = 10.0


class Progress:
    """Counts rows read per table and shows them; used as a context manager, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[str, int] = {}
        self._totals: dict[str, int] = {}
        self._tasks: dict[str, TaskID] = {}
        self._said_at = time.monotonic()
        self._started: dict[str, float] = {}
        self._bars: Bars | None = None
        if sys.stdout.isatty():
            self._bars = Bars(
                TextColumn("  {task.description:<18}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("rows"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                transient=True,
            )

    def __enter__(self) -> Progress:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def rows(self, table: str) -> int:
        """Rows read of a table so far."""
        return self._read.get(table, 0)

    def expect(self, table: str, rows: int) -> None:
        """Say how many rows of `table` are to be read in all its parts."""
        with self._lock:
            self._totals[table] = self._read.get(table, 0) + rows

    def advance(self, table: str, rows: int, total: int | None = None) -> None:
        """Count `rows` more of `table`; `total` is how many are expected in this part."""
        with self._lock:
            started = self._started.setdefault(table, time.monotonic())
            done = self._read[table] = self._read.get(table, 0) + rows
            if total is not None:
                self._totals[table] = max(self._totals.get(table, 0), done - rows + total)
            if self._bars:
                if table not in self._tasks:
                    self._tasks[table] = self._bars.add_task(table)
                self._bars.update(self._tasks[table], completed=done, total=max(done, self._totals.get(table, done)))
            elif time.monotonic() - self._said_at >= PLAIN_SECONDS:
                self._said_at = time.monotonic()
                print(f"  {_line(table, done, self._totals.get(table, 0), self._said_at - started)}", flush=True)


def _line(table: str, done: int, total: int, seconds: float) -> str:
    """Say how far a table is: rows, rate, time left."""
    rate = done / max(seconds, 0.001)
    text = f"{table}: {done:,} of about {max(total, done):,} rows, {rate:,.0f}/s"
    if total <= done or not rate:
        return text
    minutes, rest = divmod(round((total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{text}, {left} left"
