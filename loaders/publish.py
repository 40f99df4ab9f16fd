"""Publishing: the last act of a green build. Readers get a file of tables that is whole or not there at all."""

from __future__ import annotations

import glob
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from loaders.data_tests import DataTest
from loaders.dates import utc_now
from loaders.errors import PipelineError
from loaders.paths import Warehouse
from loaders.warehouse import build_memory, open_warehouse, quoted

SCHEMA = "marts"


@dataclass(frozen=True)
class Published:
    """What was published: the build's id, its tables and the rows of each."""

    build_id: str
    row_counts: dict[str, int]


@dataclass(frozen=True)
class About:
    """What the report tells besides the marts: the reporting currency, the shop's locale, the results of tests."""

    currency: str | None = None
    locale: str | None = None
    tests: tuple[DataTest, ...] = ()


def find(path: Path) -> Path:
    """The published file at `path`; PipelineError when there is none yet."""
    if not path.exists():
        raise PipelineError(f"{path} does not exist: nothing has been published yet; run make build first")
    return path


def publish(
    house: Warehouse,
    as_of: date,
    zone: str,
    *,
    is_tested: bool,
    about: About = About(),
    built_at: datetime | None = None,
) -> Published:
    """Copy the marts' file to the published one: written aside, checkpointed, synced, renamed over the old one.

    `is_tested` says that all of the build's tests have passed; the push refuses any other. It was built now, unless
    `built_at` (UTC) says otherwise. Nobody who reads the old file waits or sees a part: an open file stays what it was.
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
            connection.execute(f"set memory_limit = {quoted(build_memory())}")
            connection.execute(f"attach {quoted(aside)} as mart_file (read_write)")
            counts = _row_counts(connection)
            _copy_seeds(connection)
            now = built_at or utc_now()
            _write_meta(connection, (build_id, as_of, zone, now), counts, about, is_tested=is_tested)
            _write_raw_counts(connection)
            views = _views(connection)
            connection.execute("checkpoint mart_file")
            connection.execute("detach mart_file")
        with open_warehouse(aside) as connection:  # alone, as a reader will: a view of something else fails here
            for statement in views:
                connection.execute(statement)
        sync(aside)
        aside.replace(house.published)
        sync(house.published.parent)
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
            statements.append(f"comment on view {view} is {quoted(comment)}")
        for column, text in connection.execute(
            """select column_name, comment from duckdb_columns()
               where database_name = 'mart_file' and schema_name = ? and table_name = ? and comment is not null""",
            [SCHEMA, name],
        ).fetchall():
            statements.append(f'comment on column {view}."{column}" is {quoted(text)}')
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
    """Copy the seeds, but for those that name other stores or persons."""
    connection.execute("create schema mart_file.seeds")
    names = connection.execute(
        """select table_name from duckdb_tables() where database_name = current_database() and schema_name = 'seeds'
           and table_name not in ('stores', 'excluded_emails')"""
    ).fetchall()
    for (name,) in names:
        connection.execute(f'create table mart_file.seeds."{name}" as from seeds."{name}"')


def _write_meta(
    connection: duckdb.DuckDBPyConnection,
    build: tuple[str, date, str, datetime],
    marts: dict[str, int],
    about: About,
    *,
    is_tested: bool,
) -> None:
    """Write what the push's guards and the readers need to know of the build."""
    connection.execute("create schema mart_file.meta")
    connection.execute(
        """create table mart_file.meta.build (
               build_id varchar, as_of_date date, store_timezone varchar, built_at timestamp, is_tested boolean,
               reporting_currency varchar, store_locale varchar
           )"""
    )
    connection.execute(
        "insert into mart_file.meta.build values (?, ?, ?, ?, ?, ?, ?)",
        [*build, is_tested, about.currency, about.locale],
    )
    connection.execute(
        """create table mart_file.meta.test_results (
               test varchar, seed varchar, status varchar, failures bigint, rows json
           )"""
    )
    for one in about.tests:
        rows = json.dumps(one.rows, ensure_ascii=False, default=str)
        connection.execute(
            "insert into mart_file.meta.test_results values (?, ?, ?, ?, ?)",
            [one.test, one.seed, one.status, one.failures, rows],
        )
    connection.execute(
        """create table mart_file.meta.row_counts (
               layer varchar, table_name varchar, row_count bigint, loaded_at timestamp
           )"""
    )
    connection.executemany(
        "insert into mart_file.meta.row_counts values ('marts', ?, ?, null)", [list(item) for item in marts.items()]
    )


def _write_raw_counts(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the rows of the raw tables, when each was loaded last, and what is in the quarantine."""
    columns = connection.execute(
        """select table_name, column_name from duckdb_columns()
           where database_name = current_database() and schema_name = 'raw' order by 1"""
    ).fetchall()
    for name in [table for table, column in columns if column == "_deleted_at"]:
        connection.execute(
            f"""insert into mart_file.meta.row_counts
                select 'raw', '{name}', count(*), null from raw."{name}" where _deleted_at is null"""
        )
    if ("load_times", "finished_at") in columns:
        connection.execute(
            """update mart_file.meta.row_counts as counted set loaded_at = load.finished_at
               from raw.load_times as load
               where counted.layer = 'raw' and counted.table_name = load.table_name"""
        )
    if ("quarantine", "table_name") in columns:
        connection.execute(
            """insert into mart_file.meta.row_counts
               select 'quarantine', table_name, count(*), null from raw.quarantine group by table_name order by 2"""
        )


def sync(path: Path) -> None:
    """Make sure that a file or folder is on the disk before the next step relies on it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
