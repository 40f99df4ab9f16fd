"""The as-of date: fixed once for a whole run and handed to every step."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loaders.errors import SettingsError
from loaders.text import fit
from loaders.warehouse import open_warehouse

EARLIEST = date(1990, 1, 1)
FIRST_ZONE = timezone(timedelta(hours=14))
"""Where each day begins first: what counts as long as the store's zone is not known."""


def utc_now() -> datetime:
    """Now in UTC, without a zone, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)


def store_timezone(warehouse: Path, variables: dict[str, Any]) -> str:
    """IANA name of the one zone: the var `store_timezone`, else the default store view's in raw.

    Raises SettingsError when neither is known.
    """
    zone = str(variables.get("store_timezone") or "")
    if not zone:
        with open_warehouse(warehouse, read_only=True) as connection:
            row = connection.execute(
                """select timezone from raw.store_views where timezone is not null and _deleted_at is null
                   order by is_default desc nulls last, id limit 1"""
            ).fetchone()
        if not row:
            raise SettingsError("the store's time zone is not known; give it: VARS='{store_timezone: America/Bogota}'")
        zone = row[0]
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(f"store_timezone must be a zone such as America/Bogota, not {fit(zone, 40)!r}") from None
    return zone


def as_of_date(zone: str, variables: dict[str, Any]) -> date:
    """The day that counts as today: the var `as_of_date`, else today in `zone`.

    Raises SettingsError when the var is not a date, or one that `zone` does not reach by tomorrow.
    """
    return given_date(variables, ZoneInfo(zone)) or datetime.now(ZoneInfo(zone)).date()


def given_date(variables: dict[str, Any], zone: tzinfo = FIRST_ZONE) -> date | None:
    """The var `as_of_date`, None when it is not given.

    Raises SettingsError when it is not a date, or not one that can be.
    """
    found = _date(variables, "as_of_date")
    if found is not None:
        check_day(found, zone)
    return found


def check_day(as_of: date, zone: tzinfo) -> None:
    """Raise SettingsError for an as-of date that is after tomorrow or before 1990, by our clock.

    One mistyped into the future would fill ICOMMKT with what is true on no day, and block all pushes until it comes.
    """
    tomorrow = datetime.now(zone).date() + timedelta(days=1)
    if not EARLIEST <= as_of <= tomorrow:
        raise SettingsError(f"the as-of date is {as_of}; it must be from {EARLIEST} to tomorrow")


def check_dates(variables: dict[str, Any]) -> None:
    """Raise SettingsError for dates among dbt's vars that are none; where the store is need not be known for it."""
    given_date(variables)
    _date(variables, "start_date")


def _date(variables: dict[str, Any], name: str) -> date | None:
    given = variables.get(name)
    try:
        return parse_date(str(given)) if given else None
    except ValueError:
        raise SettingsError(f"{name} must be a date such as 2026-11-24, not {fit(given, 40)!r}") from None


def parse_date(text: str) -> date:
    """Return the day of a text of the one form that is taken, 2026-11-24.

    Raises ValueError for any other.
    """
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)
