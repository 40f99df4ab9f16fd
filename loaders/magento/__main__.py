"""`python -m loaders.magento load`: bring the warehouse up to date with the store."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from loaders.dates import parse_date
from loaders.dbt_vars import parse_vars, project_vars
from loaders.errors import Parser, SettingsError, run_command
from loaders.magento.interrupt import ended_at_once
from loaders.magento.load import ALL, Load, Span
from loaders.magento.result import LoadResult
from loaders.magento.schema import Table
from loaders.magento.settings import magento_settings, missing_settings
from loaders.magento.tables import TABLES
from loaders.nights import step
from loaders.paths import warehouse
from loaders.text import fit


def load(variables: str | None = None) -> LoadResult:
    """Load everything that is new or changed.

    Raises SettingsError naming what is missing, and PipelineError when the store cannot be used.
    """
    return _run("load", variables, ALL)


def backfill(names: list[str], variables: str | None = None, start: str = "", end: str = "") -> LoadResult:
    """Read the named tables (all when none is named) again, in resumable pieces.

    With `start` or `end` (dates, both included) only rows created then are read; without, everything.
    Raises SettingsError for a name that is no table or a text that is no date, and what `load` raises.
    """
    if unknown := [name for name in names if name not in TABLES]:
        raise SettingsError(f"no table is called {', '.join(unknown)}; there are {', '.join(TABLES)}")
    tables = tuple(table for table in ALL if not names or table.name in names)
    return _run("backfill", variables, tables, span(start, end) if start or end else None)


def span(start: str, end: str) -> Span:
    """Return the UTC moments from before `start` begins to after `end` has ended, wherever the store is.

    Raises SettingsError for what is no date, or an end before the start.
    """
    days = []
    for word, text, default in (("FROM", start, date(1970, 1, 2)), ("TO", end, date(9998, 12, 31))):
        try:
            days.append(parse_date(text) if text else default)
        except ValueError:
            raise SettingsError(f"{word} must be a date such as 2024-05-31, not {fit(text, 40)!r}") from None
    if days[1] < days[0]:
        raise SettingsError(f"TO ({end}) is before FROM ({start})")
    day = timedelta(days=1)  # zones are up to 14 hours from UTC
    return datetime.combine(days[0] - day, time()), datetime.combine(days[1] + 2 * day, time())


def _run(command: str, variables: str | None, tables: Sequence[Table], when: Span | None = None) -> LoadResult:
    settings = magento_settings()
    if missing := missing_settings(settings):
        raise SettingsError(f"missing {', '.join(missing)}; set them in the environment, in .env or .dlt/secrets.toml")
    brand = str(project_vars(parse_vars(variables)).get("brand_attribute") or "")
    codes = tuple(dict.fromkeys(code for code in (brand, *settings.extra_attributes) if code))
    house = warehouse()
    with step(house, command) as done, ended_at_once():
        run = Load(settings, house, codes)
        if when is not None:
            result = run.backfill(tables, when)
        else:
            if command == "backfill":
                run.restart(tables)
            result = run.run(tables)
        print_result(result)
        done.rows, done.warnings = result.changed, len(result.errors)
    return result


def print_result(result: LoadResult) -> None:
    """Print what was loaded, a line a table, then the totals and what needs a person."""
    for name, table in result.tables.items():
        deleted = f", {table.deleted:,} gone from the store" if table.deleted else ""
        read = f"{table.read:>9,} read, " if table.read else " " * 16
        print(f"  {name:<24}{read}{table.changed:>9,} new or changed{deleted}")
        if table.note:
            print(f"    {fit(table.note, 1_000)}")
    print(f"loaded {result.changed:,} new or changed rows in {result.requests:,} requests", flush=True)
    if result.quarantined:
        print(f"  {result.quarantined:,} unreadable values or rows are in raw.quarantine, with the reasons")
    for error in result.errors:
        print(f"error: {fit(error, 1_000)}", file=sys.stderr)


def main() -> int:
    """Run the command line."""
    parser = Parser(prog="python -m loaders.magento", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def added(name: str, text: str, example: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, epilog=f"for instance: {example}")

    command = added("load", "load what is new or changed since the last load", "make load")
    command.add_argument(
        "--vars", default=os.environ.get("VARS"), help="dbt variables, such as '{brand_attribute: brand}'"
    )
    command = added(
        "backfill", "read tables from the start again", "make backfill TABLES=orders FROM=2024-01-01 TO=2024-06-30"
    )
    command.add_argument("tables", nargs="*", metavar="TABLE", help="such as orders; none for all")
    command.add_argument("--from", dest="start", default="", metavar="DATE", help="first day of creation to read again")
    command.add_argument("--to", dest="end", default="", metavar="DATE", help="last day of creation to read again")
    command.add_argument("--vars", default=os.environ.get("VARS"), help="dbt variables, as for load")
    arguments = parser.parse_args()
    is_backfill = arguments.command == "backfill"
    if is_backfill:
        result = backfill(arguments.tables, arguments.vars, arguments.start, arguments.end)
    else:
        result = load(arguments.vars)
    return 1 if result.errors else 0


if __name__ == "__main__":
    run_command(main)
