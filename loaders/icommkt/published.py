"""The published file, as the push sees it: a build with its date, its payloads and their contacts. Read only."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from loaders import publish
from loaders.errors import PipelineError, SettingsError
from loaders.fields import UNENDING
from loaders.icommkt.settings import IcommktSettings, env

NEEDED = (
    "marts.icommkt_payloads",
    "marts.icommkt_contacts",
    "marts.icommkt_contact_websites",
    "marts.icommkt_profile_fields",
    "seeds.icommkt_profiles",
)


@dataclass(frozen=True)
class Build:
    """Which build the file holds. `raw_rows` are the row counts of the raw tables it was made from."""

    build_id: str
    as_of_date: dt.date
    store_timezone: str
    built_at: dt.datetime
    is_tested: bool
    raw_rows: dict[str, int]

    def today(self) -> dt.date:
        """Return today's date in the store's zone."""
        return dt.datetime.now(ZoneInfo(self.store_timezone)).date()


class Field(NamedTuple):
    """A field that is sent: the mart column it is taken from, its type, and of a window's the days it looks at."""

    column: str = ""
    type: str = ""
    first_day: int | None = None
    last_day: int | None = None


@dataclass(frozen=True)
class Published:
    """The file, attached as `published`."""

    build: Build
    windows: tuple[str, ...]
    """Columns of `icommkt_contacts` that count a window's purchases, the open-ended one left out."""
    fields: tuple[str, ...]
    """Keys of the profile fields, as the first payload has them."""
    columns: dict[str, Field]
    """What icommkt_profile_fields says of the fields, by key."""
    fields_hash: str
    """Stands for all of that."""


def attach(db: duckdb.DuckDBPyConnection, path: Path) -> Published:
    """Attach the published file read-only and read what it says of itself.

    Raises PipelineError when it is missing or is not a published file.
    """
    publish.find(path)
    try:
        db.execute(f"attach '{_quoted(path)}' as published (read_only)")
        build_row = db.execute(
            "select build_id, as_of_date, store_timezone, built_at, is_tested from published.meta.build"
        ).fetchall()
        rows = db.execute("select table_name, row_count from published.meta.row_counts where layer = 'raw'").fetchall()
        # Not duckdb_columns(): that looks into every view of DuckDB's own, which takes longer than all the rest here.
        tables = db.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall()
    except duckdb.Error as error:
        raise PipelineError(f"{path} is not a published file ({_first_line(error)}); run make build") from None
    if len(build_row) != 1:
        raise PipelineError(f"{path}: meta.build has {len(build_row)} rows instead of one; run make build")
    lacking = [table for table in NEEDED if (table,) not in tables]
    if lacking:
        raise PipelineError(f"{path} holds no {' and no '.join(lacking)}; run make build")
    build_id, as_of_date, zone, built_at, tested = build_row[0]
    keys = db.execute(
        "select json_extract_string(custom_fields, '$[*].Key') from published.marts.icommkt_payloads limit 1"
    ).fetchone()
    seed = db.execute(
        "select profile_field_key, mart_column, type, max_length, enabled, triggers_send"
        " from published.marts.icommkt_profile_fields where enabled order by all"
    ).fetchall()
    days = db.execute(
        "select mart_column, first_day, last_day from published.marts.icommkt_profile_fields where last_day is not null"
        " order by all"
    ).fetchall()
    windows = {column: (first, last) for column, first, last in days}
    lasting = [column for column, _, last in days if column.startswith("purchases_") and last < UNENDING]
    return Published(
        build=Build(str(build_id), as_of_date, zone, built_at, bool(tested), dict(rows)),
        windows=tuple(lasting),
        fields=tuple(keys[0]) if keys else (),
        columns={row[0]: Field(row[1], row[2], *windows.get(row[1], (None, None))) for row in seed},
        fields_hash=hashlib.sha256(json.dumps(seed, default=str).encode()).hexdigest()[:16],
    )


def check_audience(db: duckdb.DuckDBPyConnection, settings: IcommktSettings) -> None:
    """Raise SettingsError when only subscribers are wanted and the store says of nobody whether they are."""
    known = "select count(is_subscribed), count(customer_id), count(*) from published.marts.icommkt_contacts"
    subscriptions, accounts, contacts = db.execute(known).fetchone() or (0, 0, 0)
    if settings.audience == "subscribers" and contacts and not subscriptions:
        raise SettingsError(
            f"{env('audience')} is subscribers, but the store tells of none of its {accounts:,} accounts whether it is"
            f" subscribed, so nobody would be sent: set {env('audience')}=all to send all contacts, or have the store's"
            " customers/search answer with is_subscribed (Magento_Newsletter enabled; 2.3 never does) and load again"
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
