"""The loader's own tables in the warehouse: cursors, checkpoints of unfinished backfills, deletion marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from loaders.magento.client import Filter
from loaders.magento.parse import QUARANTINE_SCHEMA
from loaders.magento.source import QUARANTINE
from loaders.magento.tables import TABLES, Table, create_statement
from loaders.warehouse import open_warehouse

_OWN_TABLES = """
    create schema if not exists raw;
    create table if not exists raw.load_cursors (
        store_key varchar, table_name varchar, loaded_from timestamp, finished_at timestamp,
        primary key (store_key, table_name)
    );
    create table if not exists raw.load_checkpoints (
        store_key varchar, table_name varchar, loaded_from timestamp, upto_id bigint, highest_id bigint,
        primary key (store_key, table_name)
    );
"""


@dataclass(frozen=True)
class Checkpoint:
    """How far an unfinished first load or backfill has come: all ids up to `upto_id` are in the warehouse."""

    loaded_from: datetime
    upto_id: int
    highest_id: int


class RawStore:
    """The raw schema as the loader sees it. Opens the file for each piece of work, so that dlt can write between."""

    def __init__(self, path: Path, store_key: str) -> None:
        self._path = path
        self._store_key = store_key

    def prepare(self) -> None:
        """Make the loader's own tables."""
        with self._open() as connection:
            connection.execute(_OWN_TABLES)

    def complete(self) -> None:
        """Make the raw tables that no row has made yet, so that the models always find them."""
        with self._open() as connection:
            for table in TABLES.values():
                connection.execute(create_statement(table))
            columns = ", ".join(
                f"{f.name} {'timestamp' if f.name == 'found_at' else 'varchar'}" for f in QUARANTINE_SCHEMA
            )
            connection.execute(f"create table if not exists raw.{QUARANTINE} ({columns}, _dlt_load_id varchar)")

    def tables(self) -> set[str]:
        """Names of the raw tables that exist."""
        with self._open() as connection:
            rows = connection.execute("select table_name from duckdb_tables() where schema_name = 'raw'").fetchall()
        return {row[0] for row in rows}

    def cursor(self, table: Table) -> datetime | None:
        """Server time at which the last complete load of `table` began; None before the first."""
        row = self._one("select loaded_from from raw.load_cursors where store_key = ? and table_name = ?", table)
        return row[0] if row else None

    def checkpoint(self, table: Table) -> Checkpoint | None:
        """How far an unfinished load of `table` has come."""
        row = self._one(
            "select loaded_from, upto_id, highest_id from raw.load_checkpoints where store_key = ? and table_name = ?",
            table,
        )
        return Checkpoint(*row) if row else None

    def save_checkpoint(self, table: Table, checkpoint: Checkpoint) -> None:
        """Remember that all ids up to the checkpoint's are committed."""
        with self._open() as connection:
            connection.execute(
                "insert or replace into raw.load_checkpoints values (?, ?, ?, ?, ?)",
                [self._store_key, table.name, checkpoint.loaded_from, checkpoint.upto_id, checkpoint.highest_id],
            )

    def finish(self, table: Table, loaded_from: datetime, finished_at: datetime) -> None:
        """Move the table's cursor: everything up to `loaded_from` on the server's clock is committed."""
        with self._open() as connection:
            connection.execute("begin")
            connection.execute(
                "insert or replace into raw.load_cursors values (?, ?, ?, ?)",
                [self._store_key, table.name, loaded_from, finished_at],
            )
            connection.execute(
                "delete from raw.load_checkpoints where store_key = ? and table_name = ?", [self._store_key, table.name]
            )
            connection.execute("commit")

    def forget(self, table: Table) -> None:
        """Drop the table's cursor: the next load reads it from the start, or from its checkpoint."""
        with self._open() as connection:
            connection.execute(
                "delete from raw.load_cursors where store_key = ? and table_name = ?", [self._store_key, table.name]
            )

    def count(self, table: Table, filters: Iterable[Filter], after: int, upto: int) -> int:
        """How many undeleted rows raw has with ids above `after`, up to `upto`, by the server's own filters."""
        where, values = self._where(table, filters, after, upto)
        with self._open() as connection:
            row = connection.execute(f"select count(*) from raw.{table.name} where {where}", values).fetchone()
        return int(row[0]) if row else 0

    def ids(self, table: Table, filters: Iterable[Filter], after: int, upto: int) -> list[int]:
        """Ids of the rows that `count` counts."""
        where, values = self._where(table, filters, after, upto)
        with self._open() as connection:
            rows = connection.execute(f'select "{table.primary_key[0]}" from raw.{table.name} where {where}', values)
            return [row[0] for row in rows.fetchall()]

    def mark_deleted(self, table: Table, ids: Iterable[int], found_at: datetime) -> None:
        """Mark rows that are gone from the store; a row that comes back is written anew, without the mark."""
        with self._open() as connection:
            connection.execute(
                f"""update raw.{table.name} set _deleted_at = $at, _changed_at = $at
                    where store_key = $key and "{table.primary_key[0]}" in (select unnest($ids::bigint[]))""",
                {"at": found_at, "key": self._store_key, "ids": list(ids)},
            )

    def mark_unseen(self, table: Table, seen: Sequence[tuple[str, ...]], found_at: datetime) -> int:
        """Mark the rows of a table that is read in full whose keys were not among those `seen`; return how many."""
        keys = " and ".join(f'row."{k}"::varchar = seen.column{n}' for n, k in enumerate(table.primary_key))
        with self._open() as connection:
            columns = ", ".join(f"column{n} varchar" for n in range(len(table.primary_key)))
            connection.execute(f"create temp table seen ({columns})")
            if seen:
                marks = ", ".join("?" for _ in table.primary_key)
                connection.executemany(f"insert into seen values ({marks})", [list(map(str, key)) for key in seen])
            row = connection.execute(
                f"""update raw.{table.name} as row set _deleted_at = $at, _changed_at = $at
                    where store_key = $key and _deleted_at is null and not exists (select 1 from seen where {keys})""",
                {"at": found_at, "key": self._store_key},
            ).fetchone()
        return int(row[0]) if row else 0

    def quarantined(self, found_at: datetime) -> int:
        """How many values or rows the run of `found_at` put into the quarantine."""
        with self._open() as connection:
            row = connection.execute(f"select count(*) from raw.{QUARANTINE} where found_at = ?", [found_at]).fetchone()
        return int(row[0]) if row else 0

    def highest_id(self, table: Table) -> int:
        """Highest id in raw, 0 when there is none."""
        if table.name not in self.tables():
            return 0
        with self._open() as connection:
            row = connection.execute(
                f'select coalesce(max("{table.primary_key[0]}"), 0) from raw.{table.name} where store_key = ?',
                [self._store_key],
            ).fetchone()
        return int(row[0]) if row else 0

    def changed_rows(self, tables: Iterable[Table], changed_at: datetime) -> dict[str, int]:
        """Rows that the run of `changed_at` wrote or marked, per table."""
        with self._open() as connection:
            return {
                table.name: int(
                    (
                        connection.execute(
                            f"select count(*) from raw.{table.name} where store_key = ? and _changed_at = ?",
                            [self._store_key, changed_at],
                        ).fetchone()
                        or (0,)
                    )[0]
                )
                for table in tables
            }

    def _where(self, table: Table, filters: Iterable[Filter], after: int, upto: int) -> tuple[str, list[object]]:
        key = f'"{table.primary_key[0]}"'
        parts = [f"store_key = ? and _deleted_at is null and {key} > ? and {key} <= ?"]
        values: list[object] = [self._store_key, after, upto]
        for condition in filters:
            if condition.condition == "in":
                parts.append(f"{condition.field} in (select unnest(?::bigint[]))")
                values.append([int(part) for part in str(condition.value).split(",")])
            else:  # gteq, of a time
                parts.append(f"{condition.field} >= ?::timestamp")
                values.append(condition.value)
        return " and ".join(parts), values

    def _one(self, sql: str, table: Table) -> tuple[datetime, int, int] | None:
        with self._open() as connection:
            return connection.execute(sql, [self._store_key, table.name]).fetchone()

    def _open(self) -> duckdb.DuckDBPyConnection:
        return open_warehouse(self._path)
