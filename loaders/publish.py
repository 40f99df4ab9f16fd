"""Publishing: the last act of a green build. Readers get a file of tables that is whole or not there at all."""

from __future__ import annotations

import glob
import os
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loaders.errors import PipelineError
from loaders.paths import Warehouse
from loaders.warehouse import build_memory, open_warehouse

SCHEMA = "marts"


@dataclass(frozen=True)
class Published:
    """What was published: the build's id, its tables and the rows of each."""

    build_id: str
    row_counts: dict[str, int]


def find(path: Path) -> Path:
    """The published file at `path`; PipelineError when there is none yet."""
    if not path.exists():
        raise PipelineError(f"{path} does not exist: nothing has been published yet; run make build first")
    return path


def publish(house: Warehouse, as_of: date, zone: str, *, is_tested: bool) -> Published:
    """Copy the marts' file to the published one: written aside, checkpointed, synced, renamed over the old one.

    `is_tested` says that all of the build's tests have passed; the push refuses any other. Nobody
    who reads the old file waits or sees a part: an open file stays what it was.
    """
    build_id = uuid.uuid4().hex
    aside = house.published.with_name(f".{house.published.name}.{build_id}")
    _remove_asides(house)  # of runs that were killed
    try:
        with open_warehouse(house.marts) as connection:
            connection.execute("checkpoint")
        shutil.copyfile(house.marts, aside)
        # From inside the warehouse and under the name that dbt has for the marts: a view finds its tables only there.
        with open_warehouse(house.path, read_only=True) as connection:
            connection.execute(f"set memory_limit = {_quoted(build_memory())}")
            connection.execute(f"attach {_quoted(aside)} as mart_file (read_write)")
            counts = _row_counts(connection)
            _copy_seeds(connection)
            _write_meta(connection, build_id, as_of, zone, counts, is_tested=is_tested)
            views = _views(connection)
            connection.execute("checkpoint mart_file")
            connection.execute("detach mart_file")
        with open_warehouse(aside) as connection:  # alone, as a reader will: a view of something else fails here
            for statement in views:
                connection.execute(statement)
        _sync(aside)
        aside.replace(house.published)
        _sync(house.published.parent)
    finally:
        _remove_asides(house)
    return Published(build_id, counts)


def _remove_asides(house: Warehouse) -> None:
    for path in house.published.parent.glob(f".{glob.escape(house.published.name)}.*"):
        path.unlink()


def _views(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """SQL that makes each view anew, with its descriptions, without the name that dbt has for the file."""
    statements = []
    for name, sql, comment in connection.execute(
        """select view_name, sql, comment from duckdb_views()
           where database_name = 'mart_file' and schema_name = ? and not internal order by 1""",
        [SCHEMA],
    ).fetchall():
        view = f'{SCHEMA}."{name}"'
        statements.append(f"create or replace view {view} as {sql.partition(' AS ')[2].replace('mart_file.', '')}")
        if comment:
            statements.append(f"comment on view {view} is {_quoted(comment)}")
        for column, text in connection.execute(
            """select column_name, comment from duckdb_columns()
               where database_name = 'mart_file' and schema_name = ? and table_name = ? and comment is not null""",
            [SCHEMA, name],
        ).fetchall():
            statements.append(f'comment on column {view}."{column}" is {_quoted(text)}')
    return statements


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of each published table and view."""
    names = connection.execute(
        """select table_name from duckdb_tables() where database_name = 'mart_file' and schema_name = $schema
           union select view_name from duckdb_views() where database_name = 'mart_file' and schema_name = $schema
           order by 1""",
        {"schema": SCHEMA},
    ).fetchall()
    counts = {}
    for (name,) in names:
        row = connection.execute(f'select count(*) from mart_file.{SCHEMA}."{name}"').fetchone()
        counts[name] = int(row[0]) if row else 0
    return counts


def _copy_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema mart_file.seeds")
    names = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'seeds'"
    ).fetchall()
    for (name,) in names:
        connection.execute(f'create table mart_file.seeds."{name}" as from seeds."{name}"')


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
    connection.execute("create schema mart_file.meta")
    connection.execute(
        """create table mart_file.meta.build (
               build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean
           )"""
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    connection.execute(
        "insert into mart_file.meta.build values (?, ?, ?, ?, ?)", [build_id, as_of, zone, now, is_tested]
    )
    connection.execute("create table mart_file.meta.row_counts (layer varchar, table_name varchar, row_count bigint)")
    connection.executemany(
        "insert into mart_file.meta.row_counts values ('marts', ?, ?)", [list(item) for item in marts.items()]
    )
    raw = connection.execute(
        """select table_name from duckdb_columns()
           where database_name = current_database() and schema_name = 'raw' and column_name = '_deleted_at'
           order by 1"""
    ).fetchall()
    for (name,) in raw:
        connection.execute(
            f"""insert into mart_file.meta.row_counts
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
