"""The loader's own tables in the warehouse: cursors, checkpoints of unfinished backfills, deletion marks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from loaders.magento.client import Filter
from loaders.magento.parse import QUARANTINE_SCHEMA
from loaders.magento.reader import Part
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
        store_key varchar, table_name varchar, loaded_from timestamp, upto_id bigint,
        primary key (store_key, table_name)
    );
    create table if not exists raw.load_backfills (
        store_key varchar, table_name varchar, created_from timestamp, created_before timestamp,
        upto_id bigint,
        primary key (store_key, table_name, created_from, created_before)
    );
    create table if not exists raw.load_rereads (
        store_key varchar, table_name varchar, reread_at timestamp, upto_id bigint,
        primary key (store_key, table_name)
    );
"""

# A line whose row cannot be found again (its key could not be read) is dropped when it is this old.
QUARANTINE_DAYS = 30

LARGEST_ID = 2**63 - 1
LARGEST_LOG = 200_000_000
"""Bytes that DuckDB's log may have before it is written out; with them 1,000,000 orders took 508 MB of memory."""

Span = tuple[datetime, datetime]

_HALF_WRITTEN = "_dlt_load_id not in (select load_id from raw._dlt_loads)"


@dataclass(frozen=True)
class Checkpoint:
    """How far an unfinished first load or backfill has come: all ids up to `upto_id` are in the warehouse."""

    loaded_from: datetime
    upto_id: int


class RawStore:
    """The raw schema as the loader sees it. Opens the file for each piece of work, unless it is `held` open."""

    def __init__(self, path: Path, store_key: str) -> None:
        self._path = path
        self._store_key = store_key
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the file open for a whole run; dlt, in the same process, shares it."""
        with open_warehouse(self._path) as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return the connection to the file that is held open, to take cursors of; it ends with `held`."""
        if self._held is None:
            raise RuntimeError("the warehouse is not held open")
        return self._held

    def known(self, table: Table) -> duckdb.DuckDBPyConnection | None:
        """Return the connection by which unchanged rows of `table` are recognised; None before a load has ended."""
        return self.connection() if {table.name, "_dlt_loads"} <= self.tables() else None

    def write_out(self) -> None:
        """Have DuckDB move what is committed from its log into the file, once that has grown.

        Not after each piece: a column's last rows are then compressed and written again, up to 122,880 of them
        (docs of DuckDB, "Row groups").
        """
        log = self._path.with_name(f"{self._path.name}.wal")
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            self.connection().execute("checkpoint")

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
            "select loaded_from, upto_id from raw.load_checkpoints where store_key = ? and table_name = ?", table
        )
        return Checkpoint(*row) if row else None

    def save_checkpoint(self, table: Table, checkpoint: Checkpoint) -> None:
        """Remember that all ids up to the checkpoint's are committed."""
        with self._open() as connection:
            connection.execute(
                """insert or replace into raw.load_checkpoints (store_key, table_name, loaded_from, upto_id)
                   values (?, ?, ?, ?)""",
                [self._store_key, table.name, checkpoint.loaded_from, checkpoint.upto_id],
            )

    def finish(self, table: Table, loaded_from: datetime, finished_at: datetime) -> None:
        """Move the table's cursor: everything up to `loaded_from` on the server's clock is committed.

        A first load is also a first look at every row: the rotating second look starts from there.
        """
        with self._open() as connection:
            connection.execute("begin")
            connection.execute(
                "insert or replace into raw.load_cursors values (?, ?, ?, ?)",
                [self._store_key, table.name, loaded_from, finished_at],
            )
            connection.execute(
                "delete from raw.load_checkpoints where store_key = ? and table_name = ?", [self._store_key, table.name]
            )
            connection.execute(
                "insert or ignore into raw.load_rereads values (?, ?, ?, 0)",
                [self._store_key, table.name, loaded_from],
            )
            connection.execute("commit")

    def forget(self, table: Table) -> None:
        """Drop the table's cursor: the next load reads it from the start, or from its checkpoint."""
        with self._open() as connection:
            connection.execute(
                "delete from raw.load_cursors where store_key = ? and table_name = ?", [self._store_key, table.name]
            )

    def forget_after(self, table: Table, latest: datetime) -> datetime | None:
        """Drop what is said of `table` as of a moment after `latest`; return that moment when it was a load's."""
        with self._open() as connection:
            found = [
                connection.execute(
                    f"""delete from raw.{name} where store_key = ? and table_name = ? and {column} > ?
                        returning {column}""",
                    [self._store_key, table.name, latest],
                ).fetchone()
                for name, column in (
                    ("load_cursors", "loaded_from"),
                    ("load_checkpoints", "loaded_from"),
                    ("load_rereads", "reread_at"),
                )
            ]
        return next((row[0] for row in found[:2] if row), None)

    def latest_change(self, table: Table, before: datetime) -> datetime:
        """The latest `updated_at` in raw that is not after `before`; `before` itself when there is none."""
        if table.name not in self.tables():
            return before
        with self._open() as connection:
            row = connection.execute(
                f"select max({table.cursor}) from raw.{table.name} where store_key = ? and {table.cursor} <= ?",
                [self._store_key, before],
            ).fetchone()
        return row[0] if row and row[0] else before

    def backfilled(self, table: Table, span: Span) -> int:
        """Up to which id an unfinished backfill of a span of time has come, 0 when there is none."""
        with self._open() as connection:
            row = connection.execute(
                """select upto_id from raw.load_backfills
                   where store_key = ? and table_name = ? and created_from = ? and created_before = ?""",
                [self._store_key, table.name, *span],
            ).fetchone()
        return int(row[0]) if row else 0

    def save_backfilled(self, table: Table, span: Span, upto_id: int | None) -> None:
        """Remember how far a backfill of a span of time has come; None: it is done."""
        with self._open() as connection:
            if upto_id is None:
                connection.execute(
                    """delete from raw.load_backfills
                       where store_key = ? and table_name = ? and created_from = ? and created_before = ?""",
                    [self._store_key, table.name, *span],
                )
            else:
                connection.execute(
                    """insert or replace into raw.load_backfills
                       (store_key, table_name, created_from, created_before, upto_id) values (?, ?, ?, ?, ?)""",
                    [self._store_key, table.name, *span, upto_id],
                )

    def reread(self, table: Table) -> tuple[datetime, int] | None:
        """When the rotating second look at `table` was last taken (the store's clock), and up to which id."""
        row = self._one("select reread_at, upto_id from raw.load_rereads where store_key = ? and table_name = ?", table)
        return (row[0], row[1]) if row else None

    def save_reread(self, table: Table, reread_at: datetime, upto_id: int) -> None:
        """Remember where the second look at `table` goes on."""
        with self._open() as connection:
            connection.execute(
                "insert or replace into raw.load_rereads values (?, ?, ?, ?)",
                [self._store_key, table.name, reread_at, upto_id],
            )

    def id_range(self, table: Table, created_from: datetime | None = None) -> tuple[int, int, int]:
        """Lowest id, highest id and number of the undeleted rows, of those created since a moment."""
        key = f'"{table.primary_key[0]}"'
        with self._open() as connection:
            row = connection.execute(
                f"""select coalesce(min({key}), 0), coalesce(max({key}), 0), count(*) from raw.{table.name}
                    where store_key = $key and _deleted_at is null and ($from is null or created_at >= $from)""",
                {"key": self._store_key, "from": created_from},
            ).fetchone()
        return row or (0, 0, 0)

    def copy_of_known(self, part: Part) -> duckdb.DuckDBPyConnection | None:
        """Return keys and hashes of the rows of a part, in memory, for who reads it while dlt writes to the file.

        None when no load of the table has ended yet. The columns are those by which unchanged rows are recognised.
        """
        connection = self.known(part.table)
        if connection is None:
            return None
        key = f'"{part.table.primary_key[0]}"'
        rows = connection.execute(
            f"""select store_key, {key}, _row_hash, _deleted_at, _dlt_load_id from raw.{part.table.name}
                where store_key = ? and {key} > ? and ({key} <= ? or ? is null)""",
            [self._store_key, part.after, part.upto, part.upto],
        ).to_arrow_table()
        loads = connection.execute("select load_id from raw._dlt_loads").to_arrow_table()
        copy = duckdb.connect()
        copy.execute("create schema raw")
        for name, found in ((part.table.name, rows), ("_dlt_loads", loads)):
            copy.register("found", found)
            copy.execute(f"create table raw.{name} as select * from found")
            copy.unregister("found")
        return copy

    # What a killed run wrote in part

    def doubt_half_written(self) -> None:
        """Forget the hash of rows whose lines a killed run has written and the rows themselves not yet.

        Read again, such a row counts as changed, and is written with its lines.
        """
        tables = self.tables()
        if "_dlt_loads" not in tables:
            return
        with self._open() as connection:
            for child in TABLES.values():
                if child.parent in tables and child.name in tables:
                    key = TABLES[child.parent].primary_key[0]
                    connection.execute(
                        f"""update raw.{child.parent} as parent set _row_hash = ''
                            where store_key = $key and _row_hash <> '' and exists (
                                select 1 from raw.{child.name} as line
                                where line.store_key = parent.store_key
                                  and line."{child.parent_key}" = parent."{key}"
                                  and line.{_HALF_WRITTEN}
                                  -- written later than the row itself: load ids are seconds
                                  and try_cast(line._dlt_load_id as double) > try_cast(parent._dlt_load_id as double)
                            )""",
                        {"key": self._store_key},
                    )

    def half_written(self, table: Table) -> list[int]:
        """Ids of the undeleted rows of loads that never ended, and of rows whose hash was forgotten."""
        if "_dlt_loads" not in self.tables():
            return []
        key = f'"{table.primary_key[0]}"'
        with self._open() as connection:
            rows = connection.execute(
                f"""select {key} from raw.{table.name}
                    where store_key = ? and _deleted_at is null and (_row_hash = '' or {_HALF_WRITTEN}) order by 1""",
                [self._store_key],
            ).fetchall()
        return [row[0] for row in rows]

    def orders_of(self, customers: Iterable[int]) -> list[int]:
        """Ids of the orders that raw has of some accounts."""
        with self._open() as connection:
            rows = connection.execute(
                """select entity_id from raw.orders where store_key = $key and _deleted_at is null
                   and customer_id in (select unnest($ids::bigint[])) order by 1""",
                {"key": self._store_key, "ids": list(customers)},
            ).fetchall()
        return [row[0] for row in rows]

    # Quarantine

    def refused(self, table: Table) -> list[int]:
        """Ids of the rows that the store could not send when last asked."""
        return self._quarantined_ids(table, "column_name is null")

    def unreadable(self, table: Table) -> list[int]:
        """Ids that the store has and raw cannot have: rows it could not send, or without a value that raw needs."""
        key = f'"{table.primary_key[0]}"'
        missing = f"""not exists (
            select 1 from raw.{table.name} as row
            where row.store_key = ? and row.{key}::varchar = row_id and row._deleted_at is null)"""
        return self._quarantined_ids(table, f"(column_name is null or {missing})", self._store_key)

    def _quarantined_ids(self, table: Table, where: str, *values: object) -> list[int]:
        if QUARANTINE not in self.tables():
            return []
        with self._open() as connection:
            rows = connection.execute(
                f"""select distinct try_cast(row_id as bigint) from raw.{QUARANTINE}
                    where store_key = ? and table_name = ? and try_cast(row_id as bigint) is not null and {where}
                    order by 1""",
                [self._store_key, table.name, *values],
            ).fetchall()
        return [row[0] for row in rows]

    def settle_quarantine(
        self, tables: Iterable[Table], asked: Mapping[str, Sequence[int]], found_at: datetime
    ) -> None:
        """Drop the lines of `tables` that no longer hold: the quarantine lists what is wrong now.

        A line goes when the same was found again by this run, when its row was written anew or marked
        deleted since, when a row that could not be sent was asked for (`asked`, ids by table) and did
        not fail again, and when it is QUARANTINE_DAYS old without having been found again.
        """
        with self._open() as connection:
            for table in tables:
                values = {
                    "key": self._store_key,
                    "table": table.name,
                    "run": found_at,
                    "asked": [str(number) for number in asked.get(table.name, ())],
                }
                connection.execute(
                    f"""delete from raw.{QUARANTINE} as line
                        where line.store_key = $key and line.table_name = $table and line.found_at < $run and (
                            exists (
                                select 1 from raw.{QUARANTINE} as newer
                                where newer.store_key = $key and newer.table_name = $table
                                  and newer.found_at = $run and newer.row_id is not distinct from line.row_id
                                  and newer.column_name is not distinct from line.column_name
                            )
                            or exists (
                                select 1 from raw.{table.name} as row
                                where row.store_key = $key and row."{table.primary_key[-1]}"::varchar = line.row_id
                                  and row._changed_at > line.found_at
                            )
                            or (line.column_name is null and list_contains($asked::varchar[], line.row_id))
                            or line.found_at < $run - interval {QUARANTINE_DAYS} day
                        )""",
                    values,
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

    def nth_id(self, table: Table, after: int, rows: int, filters: Iterable[Filter] = ()) -> int:
        """Id of the last of the next `rows` of the rows that `count` counts."""
        where, values = self._where(table, filters, after, LARGEST_ID)
        key = f'"{table.primary_key[0]}"'
        with self._open() as connection:
            row = connection.execute(
                f"select max(id) from (select {key} as id from raw.{table.name} where {where} order by 1 limit {rows})",
                values,
            ).fetchone()
        return int(row[0]) if row and row[0] is not None else after

    def websites_of_views(self) -> dict[int, int]:
        """Website of each store view that GraphQL named, or in which the newest account of the view is."""
        if not {"store_views", "customers"} <= self.tables():
            return {}
        with self._open() as connection:
            return dict(
                connection.execute(
                    """select view, website from (
                           select store_id as view, max_by(website_id, id) as website, 1 as rank from raw.customers
                           where store_key = $key and _deleted_at is null and website_id is not null group by store_id
                           union all
                           select id, website_id, 2 from raw.store_views
                           where store_key = $key and _deleted_at is null and website_id is not null
                       ) order by rank""",
                    {"key": self._store_key},
                ).fetchall()
            )

    def accounts_besides(self, websites: Sequence[int]) -> list[int]:
        """Ids of the accounts of undeleted orders, and of those in raw, that are not of some websites."""
        with self._open() as connection:
            rows = connection.execute(
                """with living as (select * from raw.customers where store_key = $key and _deleted_at is null)
                   select customer_id from raw.orders
                   where store_key = $key and _deleted_at is null and customer_id is not null
                   union select id from living
                   except select id from living where website_id in (select unnest($websites::bigint[]))
                   order by 1""",
                {"key": self._store_key, "websites": list(websites)},
            ).fetchall()
        return [row[0] for row in rows]

    def mark_deleted(self, table: Table, ids: Iterable[int], found_at: datetime) -> None:
        """Mark rows that are gone from the store; a row that comes back is written anew, without the mark."""
        with self._open() as connection:
            connection.execute(
                f"""update raw.{table.name} set _deleted_at = $at, _changed_at = $at
                    where store_key = $key and "{table.primary_key[0]}" in (select unnest($ids::bigint[]))""",
                {"at": found_at, "key": self._store_key, "ids": list(ids)},
            )

    def mark_unseen(
        self, table: Table, seen: Sequence[tuple[str, ...]], found_at: datetime, believed: Callable[[int], int]
    ) -> tuple[int, int]:
        """Mark the rows of a table that is read in full whose keys were not among those `seen`.

        `believed` says how many may be gone of so many rows; when it is more, none is marked.
        Returns how many are gone, and how many there were.
        """
        keys = " and ".join(f'row."{k}"::varchar = seen.column{n}' for n, k in enumerate(table.primary_key))
        living = "store_key = $key and _deleted_at is null"
        gone = f"{living} and not exists (select 1 from seen where {keys})"
        with self._open() as connection:
            columns = ", ".join(f"column{n} varchar" for n in range(len(table.primary_key)))
            connection.execute(f"create or replace temp table seen ({columns})")
            if seen:
                marks = ", ".join("?" for _ in table.primary_key)
                connection.executemany(f"insert into seen values ({marks})", [list(map(str, key)) for key in seen])
            row = connection.execute(
                f"""select count(*) filter (where {gone}), count(*) from raw.{table.name} as row where {living}""",
                {"key": self._store_key},
            ).fetchone()
            missing, there = row or (0, 0)
            if missing and missing <= believed(there):
                connection.execute(
                    f"update raw.{table.name} as row set _deleted_at = $at, _changed_at = $at where {gone}",
                    {"at": found_at, "key": self._store_key},
                )
        return int(missing), int(there)

    def quarantined(self) -> int:
        """How many values or rows are in the quarantine."""
        with self._open() as connection:
            row = connection.execute(
                f"select count(*) from raw.{QUARANTINE} where store_key = ?", [self._store_key]
            ).fetchone()
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
            elif condition.condition == "nin":
                parts.append(f"{key} not in (select unnest(?::bigint[]))")
                values.append([int(part) for part in str(condition.value).split(",")])
            else:  # gteq, of a time
                parts.append(f"{condition.field} >= ?::timestamp")
                values.append(condition.value)
        return " and ".join(parts), values

    def _one(self, sql: str, table: Table) -> tuple[datetime, int] | None:
        with self._open() as connection:
            return connection.execute(sql, [self._store_key, table.name]).fetchone()

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._held is not None:
            yield self._held
        else:
            with open_warehouse(self._path) as connection:
                yield connection
