"""Nights: what a run of `make daily`, or of one of its steps by hand, did and said, under one id.

Each has a log and a summary in JSON in the warehouse's folder of logs, both written as it goes. So they are there when
it is killed, when another command has the warehouse, and when a database cannot be written. The summaries are also
rows of `push.night_steps` in the state file, where they outlive the files.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import duckdb

from loaders.dates import utc_now
from loaders.errors import LONGEST_LINE, LockedError, said
from loaders.paths import Warehouse, holder, locked
from loaders.text import plain

KEPT_DAYS = 30
"""Logs and summaries."""
KEPT_ROWS_DAYS = 400
"""Rows of nights and of pushes in the state file: a year, to compare with the same night of the year before."""
LARGEST_LOG = 10_000_000
"""Bytes of one night's log; what is said beyond them is not kept."""
RESERVE = 100_000
"""Bytes that a night keeps to itself, so that it can be written down how it ended on a full disk."""
COUNTS = ("rows", "contacts", "sent", "refused", "warnings")
_COLUMNS = ("step", "started_at", "seconds", *COUNTS)
TIME = "%Y-%m-%d %H:%M:%S"
NAME = "%Y%m%d-%H%M%S-%f"
"""Of a night: when it began."""

TABLE = """
create schema if not exists push;
create table if not exists push.night_steps (
    night_id varchar, command varchar, status varchar, why varchar, started_at timestamp, ended_at timestamp,
    step varchar, step_started_at timestamp, seconds double, rows bigint, contacts bigint, sent bigint,
    refused bigint, warnings bigint
);
comment on table push.night_steps is
    'One row per step of a night (make daily), or of a command run by hand; of one that ended before its first step a
row without a step. status: succeeded, failed, interrupted, killed. rows: new or changed ones that were loaded.
warnings: tables that could not be read (load), tests that warned (build).'
"""
# A run's number must never come again, and what the last good push said is compared with.
OLD_RUNS = """
delete from push.runs where started_at < $before and run_id not in (
    select max(run_id) from push.runs
    union all
    select max(run_id) from push.runs where status = 'succeeded' and command = 'push' group by profile
)
"""


@dataclass
class Step:
    """What one step did; None is what it does not count."""

    step: str
    started_at: str
    seconds: float | None = None
    rows: int | None = None
    """New or changed in the warehouse."""
    contacts: int | None = None
    sent: int | None = None
    refused: int | None = None
    warnings: int | None = None


@dataclass
class Night:
    """A run, as its summary says it: `running`, `succeeded`, `failed`, `interrupted` or `killed`, and why."""

    night_id: str
    command: str
    pid: int
    started_at: str
    ended_at: str | None = None
    seconds: float | None = None
    status: str = "running"
    why: str = ""
    steps: list[Step] = field(default_factory=list)

    def total(self, name: str) -> int | None:
        """The sum of a count over the steps that have it; None when none has."""
        counts = [count for step in self.steps if (count := getattr(step, name)) is not None]
        return sum(counts) if counts else None


class _Record:
    """The files of the run of this process. Nothing is written before there is a folder, nor is a folder made."""

    def __init__(self, house: Warehouse, command: str) -> None:
        now = datetime.now(UTC)
        name = f"{now:{NAME}}"
        self.night = Night(name, command, os.getpid(), now.strftime(TIME))
        self._folder = house.logs
        self._reserve = house.logs / "reserve"
        self._log = house.logs / f"night-{name}.log"
        self._began = time.monotonic()
        self._pending: list[str] = []
        self._left = LARGEST_LOG
        self.lock = threading.RLock()
        self.write(f"{now:{TIME}} UTC, {command}, night {name}")
        self.save()

    def write(self, line: str) -> None:
        """Write a line to the log; what a full disk does not take is lost, and stops nothing."""
        kept = plain(line, LONGEST_LINE)
        if not kept or "━" in kept:  # bars of progress
            return
        with self.lock:
            self._pending.append(kept)
            if not self._folder.exists():
                return
            text = "\n".join(self._pending) + "\n"
            self._pending = []
            self._left -= len(text)
            if self._left > 0:
                with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
                    file.write(text)

    def save(self) -> None:
        """Write the summary: aside, then renamed."""
        with self.lock:
            with contextlib.suppress(OSError):
                if self.night.ended_at:
                    self._reserve.unlink(missing_ok=True)
                elif self._folder.exists() and not self._reserve.exists():
                    self._reserve.write_bytes(bytes(RESERVE))
            _save(self._folder, self.night)

    def end(self, error: BaseException | None = None) -> None:
        """Say how the run ended, once."""
        night = self.night
        if night.ended_at:
            return
        night.ended_at = datetime.now(UTC).strftime(TIME)
        night.seconds = round(time.monotonic() - self._began, 1)
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        night.status = "succeeded" if error is None else "interrupted" if stopped else "failed"
        night.why = said(error) if error else ""
        self.save()
        self.write(f"error: {night.why}" if error else f"ended well after {night.seconds:,.0f} s")


class _Told:
    """A stream of the terminal whose lines go into the log too; bars of progress do not."""

    def __init__(self, stream: TextIO, record: _Record) -> None:
        self._stream = stream
        self._record = record
        self._line = ""

    def write(self, text: str) -> int:
        with self._record.lock:
            *lines, self._line = re.split(r"[\n\r]", self._line + text)
            for line in lines:
                self._record.write(line)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _save(folder: Path, night: Night) -> None:
    with contextlib.suppress(OSError):
        if folder.exists():
            aside = folder / f"night-{night.night_id}.json.new"
            aside.write_text(json.dumps(asdict(night), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            aside.replace(aside.with_suffix(""))


_open: _Record | None = None


@contextlib.contextmanager
def night(house: Warehouse, command: str) -> Iterator[_Record]:
    """Log and sum up what is done inside; a step of a night that is under way is part of that."""
    global _open
    if _open is not None:
        yield _open
        return
    record = _open = _Record(house, command)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Told(sys.stdout, record), _Told(sys.stderr, record)
    try:
        yield record
        record.end()
    except BaseException as error:
        record.end(error)
        raise
    finally:
        sys.stdout, sys.stderr = before
        _open = None
        if house.work.exists():
            with contextlib.suppress(LockedError, OSError), locked(house, command):  # or the next one does it
                tidy(house)


@contextlib.contextmanager
def step(house: Warehouse, name: str) -> Iterator[Step]:
    """Hold the warehouse for a step of a night, or for a command of its own, and write down what it did.

    Raises LockedError when another command has it.
    """
    with night(house, name) as record, locked(house, name):
        one = Step(name, datetime.now(UTC).strftime(TIME))
        record.night.steps.append(one)
        record.save()
        began = time.monotonic()
        try:
            yield one
        finally:
            one.seconds = round(time.monotonic() - began, 1)
            record.save()


def night_id() -> str | None:
    """The id of the night that is under way in this process."""
    return _open.night.night_id if _open else None


def interrupted() -> None:
    """Write down that the process is about to be ended."""
    if _open is not None:
        _open.end(KeyboardInterrupt())


def last(house: Warehouse) -> list[Night]:
    """The nights that are kept, the latest first. One that never ended and whose process is gone was killed."""
    running = holder(house)
    found = []
    for path in sorted(house.logs.glob("night-*.json"), reverse=True):
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            one = Night(**{**given, "steps": [Step(**step) for step in given["steps"]]})
        except (OSError, ValueError, TypeError, KeyError):  # of another version, or goes at this moment
            continue
        if one.status == "running":
            if one.night_id == night_id() or (running and one.pid == running.pid and running.is_alive()):
                running = None  # in a container each night has the same number, also the one that was killed
            else:
                one.status, one.why = "killed", "it was killed, or the machine was stopped"
        found.append(one)
    return found


def tidy(house: Warehouse) -> None:
    """Remove what is too old, and have the state file know the nights; who holds the warehouse calls it."""
    oldest = f"night-{datetime.now(UTC) - timedelta(days=KEPT_DAYS):{NAME}}"
    for path in house.logs.glob("night-*"):
        if path.name < oldest:
            path.unlink(missing_ok=True)
    nights = last(house)
    for one in nights:
        if one.status == "killed":
            _save(house.logs, one)
    if house.state.exists():
        with contextlib.suppress(duckdb.Error), duckdb.connect(str(house.state)) as db:
            _keep(db, nights)


def _keep(db: duckdb.DuckDBPyConnection, nights: list[Night]) -> None:
    db.execute("begin")
    db.execute(TABLE)
    known = {name for (name,) in db.execute("select distinct night_id from push.night_steps").fetchall()}
    rows = []
    for one in nights:
        if one.status != "running" and one.night_id not in known:
            steps: Sequence[Step | None] = one.steps or [None]
            ran = [one.night_id, one.command, one.status, one.why, one.started_at, one.ended_at]
            rows += [[*ran, *(getattr(step, name, None) for name in _COLUMNS)] for step in steps]
    if rows:
        db.executemany(f"insert into push.night_steps values ({', '.join('?' * len(rows[0]))})", rows)
    before = utc_now() - timedelta(days=KEPT_ROWS_DAYS)
    db.execute("delete from push.night_steps where started_at < $before", {"before": before})
    if db.execute("select 1 from duckdb_tables() where schema_name = 'push' and table_name = 'runs'").fetchone():
        db.execute(OLD_RUNS, {"before": before})
    db.execute("commit")
