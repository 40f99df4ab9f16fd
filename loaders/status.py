"""`python -m loaders.status`: the newest green build, the last nights and pushes, what failed and what is running.

Ends with 1 when the build is too old or the last push of a profile did not succeed, so that a monitor can ask it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
from collections.abc import Generator, Iterator
from typing import NamedTuple

import duckdb

from loaders.dates import utc_now
from loaders.errors import Parser, PipelineError, run_command
from loaders.icommkt.errors import BusyError
from loaders.icommkt.state import State
from loaders.nights import COUNTS, Night, last
from loaders.paths import Warehouse, holder, warehouse
from loaders.text import fit
from loaders.warehouse import open_warehouse
from loaders.why import ended

USUAL_HOURS = 26
"""A day, and two hours for a night that takes longer than the one before."""
MOST_PUSHES = 10
MOST_NIGHTS = 7
EXAMPLE = """for instance, for a monitor that is to complain on the second day only:
  python -m loaders.status --max-age-hours 50
  make status MAX_AGE_HOURS=50"""

BUILD = """
select built_at, as_of_date, is_tested, row_count
from meta.build left join meta.row_counts on layer = 'marts' and table_name = 'icommkt_contacts'
"""
# Nobody else writes the file while this reads it, so what is still running there was killed.
PUSHES = """
select
    profile, started_at, ended_at, build_id, if(status = 'running', 'crashed', status) as status, acknowledged,
    rejected, waiting, coalesce(message, '') as message
from {runs} where command = 'push' order by run_id desc
"""


class Push(NamedTuple):
    """A run of a push to one profile, and why it ended as it did."""

    profile: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    build_id: str
    status: str
    sent: int | None
    refused: int | None
    waiting: int | None
    why: str


def status(house: Warehouse, most_hours: float) -> Iterator[str]:
    """Yield the lines to show.

    Raises PipelineError when all is told and something is wrong: an old build, a push that did not succeed.
    """
    running = holder(house)
    yield f"in use by    {running or 'nobody'}"
    wrong = yield from _build(house, most_hours)
    with contextlib.suppress(FileNotFoundError):  # it is there while the last build is one that failed
        at = dt.datetime.fromtimestamp(house.build_failed.stat().st_mtime, dt.UTC)
        yield f"last build   {at:%Y-%m-%d %H:%M} UTC, failed {fit(house.build_failed.read_text(encoding='utf-8'))}"
    nights = last(house)[:MOST_NIGHTS]
    yield from _nights(nights)
    pushes = None if running else _pushes(house)
    if pushes is None:
        yield "pushes       a push may be running now; those before it that sent something:"
        pushes = _told_pushes(house)
    elif pushes:
        yield "pushes"
    else:
        yield "pushes       none yet"
        wrong.append("nothing has been pushed yet; run make push")
    yield from _table(pushes[:MOST_PUSHES], told={one.why for one in nights})
    # A profile that is sent nothing any more, as its key was mistyped once, is asked for until the next build alone.
    latest = {one.profile: one for one in reversed(pushes) if one.build_id == pushes[0].build_id}
    for one in latest.values():
        if one.status != "succeeded":
            wrong.append(f"the last push to profile {one.profile} {ended(one.status, one.why)}")
    if wrong:
        raise PipelineError("; ".join(wrong))


def _build(house: Warehouse, most_hours: float) -> Generator[str, None, list[str]]:
    """Yield the line about the published build, and return what is wrong with it."""
    if not house.published.exists():
        yield "green build  none yet"
        return ["nothing has been published yet; run make build"]
    with open_warehouse(house.published, read_only=True) as db:
        try:
            (row,) = db.execute(BUILD).fetchall()
        except (duckdb.CatalogException, duckdb.BinderException, ValueError):
            raise PipelineError(f"{house.published} was made by another version; run make build") from None
    built_at, as_of, is_tested, contacts = row
    hours = (utc_now() - built_at).total_seconds() / 3600
    yield (
        f"green build  {built_at:%Y-%m-%d %H:%M} UTC, {hours:,.1f} hours ago: as of {as_of},"
        f" {'tested' if is_tested else 'not every test was run'}, {contacts or 0:,} contacts"
    )
    return [f"the newest green build is {hours:,.1f} hours old, more than {most_hours:g}"] if hours > most_hours else []


def _nights(nights: list[Night]) -> Iterator[str]:
    """Yield a line of each night, and why it ended as it did where that was not well."""
    if nights:
        heads = "  ".join(f"{name:>9}" for name in COUNTS)
        yield f"nights\n  {'started (UTC)':16}  {'took':>7}  {'command':8}  {'ended':11}  {heads}  seconds of each step"
    for one in nights:
        took = "-" if one.seconds is None else f"{one.seconds:,.0f} s"
        counts = "  ".join(f"{'-' if (count := one.total(name)) is None else f'{count:,}':>9}" for name in COUNTS)
        steps = ", ".join(
            f"{step.step} {'-' if step.seconds is None else f'{step.seconds:,.0f}'}" for step in one.steps
        )
        yield f"  {one.started_at[:16]}  {took:>7}  {one.command:8}  {one.status:11}  {counts}  {steps}".rstrip()
        if one.why:
            yield f"    {fit(one.why)}"


def _pushes(house: Warehouse) -> list[Push] | None:
    """Return the pushes of the state file, the latest first; None when another process has it."""
    if not house.state.exists():
        return []
    with duckdb.connect() as db:
        try:
            State(db, house.state, read_only=True)
        except BusyError:
            return None
        return _rows(db, "state.push.runs")


def _told_pushes(house: Warehouse) -> list[Push]:
    """Return the pushes of the file that each of them writes anew for readers."""
    if not house.push_status.exists():
        return []
    with open_warehouse(house.push_status, read_only=True) as db:
        return _rows(db, "push_runs")


def _rows(db: duckdb.DuckDBPyConnection, runs: str) -> list[Push]:
    return [Push(*row) for row in db.execute(PUSHES.format(runs=runs)).fetchall()]


def _table(pushes: list[Push], told: set[str]) -> Iterator[str]:
    """Yield a line of each push; why one ended as it did is not said again."""
    if pushes:
        heads = f"{'sent':>9}  {'refused':>9}  {'waiting':>9}"
        yield f"  {'started (UTC)':16}  {'took':>7}  {'profile':16}  {'status':11}  {heads}  why"
    for one in pushes:
        took = f"{(one.ended_at - one.started_at).total_seconds():,.0f} s" if one.ended_at else "-"
        counts = "  ".join(f"{number or 0:9,}" for number in (one.sent, one.refused, one.waiting))
        row = f"  {one.started_at:%Y-%m-%d %H:%M}  {took:>7}  {one.profile:16}  {one.status:11}  {counts}"
        yield f"{row}  {'' if one.why in told else fit(one.why, 60)}".rstrip()


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of hours above 0, not {fit(text, 40)!r}")
    return hours


def main() -> int:
    """Run the command line."""
    parser = Parser(
        prog="python -m loaders.status",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--max-age-hours",
        type=_hours,
        metavar="HOURS",
        default=os.environ.get("MAX_AGE_HOURS") or str(USUAL_HOURS),
        help="how old the newest green build may be (26; or MAX_AGE_HOURS in the environment)",
    )
    for line in status(warehouse(), parser.parse_args().max_age_hours):
        print(line)
    return 0


if __name__ == "__main__":
    run_command(main)
