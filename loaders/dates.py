"""The as-of date: fixed once for a whole run and handed to every step."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from loaders.errors import SettingsError
from loaders.warehouse import open_warehouse


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
        raise SettingsError(f"store_timezone must be a zone such as America/Bogota, not {zone!r}") from None
    return zone


def as_of_date(zone: str, variables: dict[str, Any]) -> date:
    """The day that counts as today: the var `as_of_date`, else today in `zone`.

    Raises SettingsError when the var is not a date.
    """
    return given_date(variables) or datetime.now(ZoneInfo(zone)).date()


def given_date(variables: dict[str, Any]) -> date | None:
    """The var `as_of_date`, None when it is not given.

    Raises SettingsError when it is not a date.
    """
    given = variables.get("as_of_date")
    try:
        return given if isinstance(given, date) else date.fromisoformat(str(given)) if given else None
    except ValueError:
        raise SettingsError(f"as_of_date must be a date such as 2026-11-24, not {given!r}") from None
