"""The raw tables as the loader sees them: what is known, what is gone, what is in the quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from loaders.magento.schema import Filter, Table, create_statement
from loaders.magento.tables import TABLES
from loaders.warehouse import open_warehouse, quoted, raise_storage_version

LARGEST_ID = 2**63 - 1
FIRST_LOAD = "first_load"
"""A raw table that is there from the beginning of the first load to its end; no build runs meanwhile."""


class RawStore:
    """The schema `raw`, open for one run of one shop."""

    def __init__(self, path: Path, store_key: str) -> None:
        self._path = path
        self._store_key = store_key
        self._connection: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the file open for a whole run; dlt, in the same process, shares it.

        Each closing has DuckDB write its last rows, of which dlt's jobs and ours would make a dozen for each package.
        """
        raise_storage_version(self._path)
        with open_warehouse(self._path) as connection:
            self._connection = connection
            connection.execute("create schema if not exists raw")
            try:
                yield
            finally:
                self._connection = None

    def run(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement, with `$store` for the shop; from any thread."""
        if self._connection is None:
            raise RuntimeError("the warehouse is not open")
        given = {"store": self._store_key, **values}
        used = {name: value for name, value in given.items() if f"${name}" in sql}
        with self._connection.cursor() as cursor:
            cursor.execute("set TimeZone = 'UTC'")
            return cursor.execute(sql, used).fetchall()

    def change(self, statements: Iterable[str]) -> None:
        """Run statements as one transaction."""
        if self._connection is None:
            raise RuntimeError("the warehouse is not open")
        with self._connection.cursor() as cursor:
            for sql in ("set TimeZone = 'UTC'", "begin", *statements, "commit"):
                cursor.execute(sql, {"store": self._store_key} if "$store" in sql else {})

    def tables(self) -> set[str]:
        """Names of the raw tables that exist."""
        return {row[0] for row in self.run("select table_name from duckdb_tables() where schema_name = 'raw'")}

    def make_tables(self) -> None:
        """Make the raw tables that are not there yet."""
        for table in TABLES.values():
            self.run(create_statement(table))

    def begin_first_load(self) -> None:
        """Mark that raw is not whole."""
        self.run(f"create table if not exists raw.{FIRST_LOAD} (begun_at timestamp)")

    def end_first_load(self) -> None:
        """Take the mark away."""
        self.run(f"drop table if exists raw.{FIRST_LOAD}")

    def note_loads(self, tables: Iterable[Table], finished_at: datetime) -> None:
        """Note for readers when tables were read last."""
        self.run("""create table if not exists raw.load_times (
            store_key varchar, table_name varchar, finished_at timestamp, primary key (store_key, table_name))""")
        for table in tables:
            self.run(
                "insert or replace into raw.load_times values ($store, $name, $at)", name=table.name, at=finished_at
            )

    # What is known

    def known(self, table: Table, keys: Sequence[tuple[Any, ...]]) -> Mapping[tuple[Any, ...], str]:
        """Hashes of those of some rows that raw has and that are not marked deleted."""
        wanted, ids = "", [key[0] for key in keys if isinstance(key[0], int)]
        if table.cursor:
            wanted = f'and "{table.key}" in (select unnest($ids::bigint[]))'
        rows = self.run(
            f"""select {_listed(table.primary_key)}, _row_hash from raw.{table.name}
                where store_key = $store and _deleted_at is null {wanted}""",
            ids=ids,
        )
        return {row[:-1]: row[-1] for row in rows}

    def names(self, table: Table) -> dict[tuple[str, ...], dict[str, str | None]]:
        """What is known of a table's lasting columns."""
        width = len(table.primary_key)
        columns = _listed((*table.primary_key, *table.lasting))
        rows = self.run(f"select {columns} from raw.{table.name} where store_key = $store")
        return {tuple(map(str, row[:width])): dict(zip(table.lasting, row[width:], strict=True)) for row in rows}

    def has_rows(self, table: Table) -> bool:
        """Tell whether raw has any row of a table, deleted or not."""
        return bool(self.run(f"select 1 from raw.{table.name} where store_key = $store limit 1"))

    def highest_id(self, table: Table) -> int:
        """Highest id in raw, 0 when there is none."""
        sql = f'select coalesce(max("{table.key}"), 0) from raw.{table.name} where store_key = $store'
        return int(self.run(sql)[0][0])

    def latest_change(self, table: Table, before: datetime) -> datetime | None:
        """The latest `updated_at` in raw that is not after `before`."""
        sql = f"""select max({table.cursor}) from raw.{table.name}
                  where store_key = $store and {table.cursor} <= $before"""
        latest: datetime | None = self.run(sql, before=before)[0][0]
        return latest

    def id_range(self, table: Table, filters: Iterable[Filter] = ()) -> tuple[int, int, int]:
        """Lowest id, highest id and number of the undeleted rows that pass some filters."""
        key, where = f'"{table.key}"', _where(table, filters)
        sql = f"select coalesce(min({key}), 0), coalesce(max({key}), 0), count(*) from raw.{table.name} where {where}"
        low, high, count = self.run(sql)[0]
        return low, high, count

    def count(self, table: Table, filters: Iterable[Filter], after: int, upto: int) -> int:
        """How many undeleted rows raw has with ids above `after`, up to `upto`, by the store's own filters."""
        return int(self.run(f"select count(*) from raw.{table.name} where {_where(table, filters, after, upto)}")[0][0])

    def ids(self, table: Table, filters: Iterable[Filter], after: int, upto: int) -> list[int]:
        """Ids of the rows that `count` counts."""
        sql = f'select "{table.key}" from raw.{table.name} where {_where(table, filters, after, upto)}'
        return [row[0] for row in self.run(sql)]

    def nth_id(self, table: Table, after: int, rows: int, filters: Iterable[Filter] = ()) -> int:
        """Id of the last of the next `rows` of the rows that `count` counts."""
        sql = f"""select max(id) from (select "{table.key}" as id from raw.{table.name}
                  where {_where(table, filters, after)} order by 1 limit {rows})"""
        found = self.run(sql)[0][0]
        return after if found is None else int(found)

    def websites_of_views(self) -> dict[int, int]:
        """Website of each store view that GraphQL named, or in which the newest account of the view is."""
        if not {"store_views", "customers"} <= self.tables():
            return {}
        sql = """select view, website from (
                select store_id as view, max_by(website_id, id) as website, 1 as rank from raw.customers
                where store_key = $store and _deleted_at is null and website_id is not null group by store_id
                union all
                select id, website_id, 2 from raw.store_views
                where store_key = $store and _deleted_at is null and website_id is not null
            ) order by rank"""
        return dict(self.run(sql))

    def referred(self, table: Table, websites: Sequence[int]) -> list[int]:
        """Ids that undeleted rows of another table name, and those in raw, that are not of some websites."""
        other, column = table.referred_by or ("", "")
        sql = f"""with living as (select * from raw.{table.name} where store_key = $store and _deleted_at is null)
            select "{column}" from raw.{other}
            where store_key = $store and _deleted_at is null and "{column}" is not null
            union select "{table.key}" from living
            except select "{table.key}" from living where website_id in (select unnest($websites::bigint[]))
            order by 1"""
        return [row[0] for row in self.run(sql, websites=list(websites))]

    def referring(self, table: Table, ids: Iterable[int]) -> list[int]:
        """Ids of the rows of another table that name some rows of this one."""
        other, column = table.referred_by or ("", "")
        sql = f"""select "{TABLES[other].key}" from raw.{other} where store_key = $store and _deleted_at is null
                  and "{column}" in (select unnest($ids::bigint[])) order by 1"""
        return [row[0] for row in self.run(sql, ids=list(ids))]

    # What is gone

    def keys(self, table: Table) -> set[str]:
        """Keys of the undeleted rows, as texts."""
        sql = f"select {table.key_text} from raw.{table.name} where store_key = $store and _deleted_at is null"
        return {row[0] for row in self.run(sql)}

    def mark_deleted(self, table: Table, keys: Iterable[str], found_at: datetime) -> None:
        """Mark rows that are gone from the store; a row that comes back is written anew, without the mark."""
        self.run(
            f"""update raw.{table.name} set _deleted_at = $at, _changed_at = $at
                where store_key = $store and _deleted_at is null
                and {table.key_text} in (select unnest($keys::varchar[]))""",
            at=found_at,
            keys=list(keys),
        )

    def changed(self, table: Table, began_at: datetime) -> int:
        """Rows that were written or marked since."""
        sql = f"select count(*) from raw.{table.name} where store_key = $store and _changed_at >= $began"
        return int(self.run(sql, began=began_at)[0][0])


def _where(table: Table, filters: Iterable[Filter], after: int = -LARGEST_ID, upto: int = LARGEST_ID) -> str:
    """Undeleted rows of the shop by filters that were sent to the store."""
    key = f'"{table.key}"'
    parts = [f"store_key = $store and _deleted_at is null and {key} > {after} and {key} <= {upto}"]
    for one in filters:
        column = key if one.field == table.filter_key else f'"{one.field}"'
        if one.condition in ("in", "nin"):
            word = "in" if one.condition == "in" else "not in"
            parts.append(f"{column} {word} (select unnest([{one.value}]::bigint[]))")
        else:  # of a time
            sign = {"gteq": ">=", "lt": "<"}[one.condition]
            parts.append(f"{column} {sign} {quoted(one.value)}::timestamp")
    return " and ".join(parts)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
