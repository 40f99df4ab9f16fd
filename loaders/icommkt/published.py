"""The published file, as the push sees it: a build with its date, its payloads and their contacts. Read only."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from loaders import publish
from loaders.errors import PipelineError, SettingsError
from loaders.fields import UNENDING
from loaders.icommkt.settings import IcommktSettings, env
from loaders.warehouse import quoted

CONTACTS = "marts.icommkt_contacts"
NEEDED = (
    CONTACTS,
    "marts.icommkt_payload_hashes",
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
    """A field that is sent: its mart column, its type, a window's days, and whether its change has the contact sent."""

    column: str = ""
    type: str = ""
    first_day: int | None = None
    last_day: int | None = None
    triggers: bool = True


@dataclass(frozen=True)
class Published:
    """The file, attached under `name`."""

    name: str
    build: Build
    windows: tuple[str, ...]
    """Columns of `icommkt_contacts` that count a window's purchases, the open-ended one left out."""
    fields: tuple[str, ...]
    """Keys of the profile fields, in the order in which they are sent."""
    columns: dict[str, Field]
    """What icommkt_profile_fields says of the fields, by key."""
    payload_sql: str
    """The SQL of the view `icommkt_payloads`, over CONTACTS."""

    def payloads(
        self, db: duckdb.DuckDBPyConnection, rows: Sequence[int], empty_value: str = ""
    ) -> dict[tuple[str, str], str]:
        """Return the payload texts of some contacts, given as rows of `icommkt_contacts`, by store_key and e-mail.

        The rows are picked inside of the view's SQL: a join with the view would make the texts of all contacts.
        `empty_value` stands for empty values.
        """
        if not rows:
            return {}
        picked = pa.table({"row": pa.array(rows, pa.int64())})  # noqa: F841 - the statement reads it by its name
        some = (
            f"(select * from {self.name}.{CONTACTS} where rowid between {min(rows):d} and {max(rows):d}"
            " and rowid in (from picked))"
        )
        sql = f"select store_key, email, custom_fields from ({self.payload_sql.replace(CONTACTS, some)})"
        filled = f'"Value":{json.dumps(empty_value, ensure_ascii=False)}}}'
        return {
            (store_key, email): text.replace('"Value":""}', filled)  # a quote inside of a value has a backslash
            for store_key, email, text in db.execute(sql).fetchall()
        }


def attach(db: duckdb.DuckDBPyConnection, path: Path, name: str = "published") -> Published:
    """Attach a published file read-only and read what it says of itself.

    Raises PipelineError when it is missing or is not a published file.
    """
    publish.find(path)
    try:
        db.execute(f"attach {quoted(path)} as {name} (read_only)")
        build_row = db.execute(
            f"select build_id, as_of_date, store_timezone, built_at, is_tested from {name}.meta.build"
        ).fetchall()
        rows = db.execute(f"select table_name, row_count from {name}.meta.row_counts where layer = 'raw'").fetchall()
        # Not duckdb_columns(): that looks into every view of DuckDB's own, which takes longer than all the rest here.
        tables = db.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where database_name = ?", [name]
        ).fetchall()
        view = db.execute(
            "select sql from duckdb_views() where database_name = ? and view_name = 'icommkt_payloads'", [name]
        ).fetchone()
    except duckdb.Error as error:
        raise PipelineError(f"{path} is not a published file ({_first_line(error)}); run make build") from None
    if len(build_row) != 1:
        raise PipelineError(f"{path}: meta.build has {len(build_row)} rows instead of one; run make build")
    lacking = [table for table in NEEDED if (table,) not in tables]
    if lacking or not view:
        raise PipelineError(
            f"{path} holds no {' and no '.join(lacking or ['view marts.icommkt_payloads'])}; run make build"
        )
    build_id, as_of_date, zone, built_at, tested = build_row[0]
    try:
        keys = db.execute(
            f"select json_extract_string(custom_fields, '$[*].Key') from {name}.marts.icommkt_payloads limit 1"
        ).fetchone()
        sent = db.execute(
            f"select profile_field_key, mart_column, type, first_day, last_day, triggers_send"
            f" from {name}.marts.icommkt_profile_fields where enabled"
        ).fetchall()
        windows = db.execute(
            f"select mart_column from {name}.marts.icommkt_profile_fields where mart_column like 'purchases%'"
            f" and last_day < {UNENDING} order by 1"
        ).fetchall()
    except duckdb.Error as error:
        raise PipelineError(f"{path} is of another version ({_first_line(error)}); run make build") from None
    columns = {key: Field(*rest) for key, *rest in sent}
    return Published(
        name=name,
        build=Build(str(build_id), as_of_date, zone, built_at, bool(tested), dict(rows)),
        windows=tuple(column for (column,) in windows),
        fields=tuple(keys[0]) if keys else tuple(columns),
        columns=columns,
        payload_sql=view[0].partition(" AS ")[2].rstrip(";"),
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


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
