"""Publishing: the last act of a green build. Readers get a file of tables that is whole or not there at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loaders.paths import Warehouse
from loaders.warehouse import build_memory, open_warehouse

SCHEMA = "marts"
SEEDS = ("icommkt_fields", "icommkt_profiles")
"""What the push reads besides the marts: which fields are sent, and which website's contacts go to which profile."""

STORAGE = "v1.2.0"
"""Oldest DuckDB that can open the file: the first that has zstd."""

LONG_TEXTS = {"icommkt_payloads"}
"""Tables of long texts that repeat themselves: zstd takes a tenth of the room, in less time than the default."""


@dataclass(frozen=True)
class Published:
    """What was published: the build's id, its tables and the rows of each."""

    build_id: str
    row_counts: dict[str, int]


def publish(house: Warehouse, as_of: date, zone: str, *, is_tested: bool) -> Published:
    """Copy the marts to the published file: written aside, checkpointed, synced, renamed over the old one.

    `is_tested` says that all of the build's tests have passed; the push refuses any other. Nobody
    who reads the old file waits or sees a part: an open file stays what it was.
    """
    build_id = uuid.uuid4().hex
    aside = house.published.with_name(f".{house.published.name}.{build_id}")
    try:
        # From inside the warehouse, because a view finds its tables only there.
        with open_warehouse(house.path, read_only=True) as connection:
            connection.execute(f"set memory_limit = {_quoted(build_memory())}")
            connection.execute(f"attach {_quoted(aside)} as published (read_write, storage_version '{STORAGE}')")
            counts = _copy(connection, SCHEMA)
            _copy(connection, "seeds", SEEDS)
            _write_meta(connection, build_id, as_of, zone, counts, is_tested=is_tested)
            connection.execute("checkpoint published")
            connection.execute("detach published")
        _sync(aside)
        aside.replace(house.published)
        _sync(house.published.parent)
    finally:
        aside.unlink(missing_ok=True)
        aside.with_name(f"{aside.name}.wal").unlink(missing_ok=True)
    return Published(build_id, counts)


def _copy(connection: duckdb.DuckDBPyConnection, schema: str, only: Sequence[str] = ()) -> dict[str, int]:
    """Copy a schema's tables, or some of them, from the warehouse; return the rows of each."""
    connection.execute(f"create schema published.{schema}")
    names = connection.execute(
        """select table_name from information_schema.tables
           where table_catalog = current_database() and table_schema = ? order by 1""",
        [schema],
    ).fetchall()
    counts = {}
    for (name,) in names:
        if only and name not in only:
            continue
        compression = "zstd" if name in LONG_TEXTS else "auto"
        # Until the table is on the disk: the setting counts when it is written.
        connection.execute(f"pragma force_compression = '{compression}'")
        connection.execute(f'create table published.{schema}."{name}" as from {schema}."{name}"')
        connection.execute("checkpoint published")
        row = connection.execute(f'select count(*) from published.{schema}."{name}"').fetchone()
        counts[name] = int(row[0]) if row else 0
        _copy_comments(connection, schema, name)
    return counts


def _copy_comments(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> None:
    """Carry the descriptions that dbt wrote as comments, so that BI tools show them."""
    table = connection.execute(
        """select comment from (
               select schema_name, table_name, comment, database_name from duckdb_tables()
               union all select schema_name, view_name, comment, database_name from duckdb_views()
           ) where database_name = current_database() and schema_name = ? and table_name = ? and comment is not null""",
        [schema, name],
    ).fetchone()
    if table:
        connection.execute(f'comment on table published.{schema}."{name}" is {_quoted(table[0])}')
    columns = connection.execute(
        """select column_name, comment from duckdb_columns()
           where database_name = current_database() and schema_name = ? and table_name = ? and comment is not null""",
        [schema, name],
    ).fetchall()
    for column, comment in columns:
        connection.execute(f'comment on column published.{schema}."{name}"."{column}" is {_quoted(comment)}')


def _write_meta(
    connection: duckdb.DuckDBPyConnection,
    build_id: str,
    as_of: date,
    zone: str,
    marts: dict[str, int],
    *,
    is_tested: bool,
) -> None:
    """Write what the push's guards and the readers need to know of the build."""
    connection.execute("create schema published.meta")
    connection.execute(
        """create table published.meta.build (
               build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean
           )"""
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute(
        "insert into published.meta.build values (?, ?, ?, ?, ?)", [build_id, as_of, zone, now, is_tested]
    )
    connection.execute("create table published.meta.row_counts (layer varchar, table_name varchar, row_count bigint)")
    connection.executemany(
        "insert into published.meta.row_counts values ('marts', ?, ?)", [list(item) for item in marts.items()]
    )
    raw = connection.execute(
        """select table_name from duckdb_columns()
           where database_name = current_database() and schema_name = 'raw' and column_name = '_deleted_at'
           order by 1"""
    ).fetchall()
    for (name,) in raw:
        connection.execute(
            f"""insert into published.meta.row_counts
                select 'raw', '{name}', count(*) from raw."{name}" where _deleted_at is null"""
        )


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _sync(path: Path) -> None:
    """Make sure that a file or folder is on the disk before the next step relies on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
