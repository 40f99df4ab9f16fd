"""What is wrong now, in `raw.quarantine`: values that rows name themselves, and rows that raw does not have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from loaders.magento.schema import Table
from loaders.magento.storage import RawStore
from loaders.magento.tables import TABLES

QUARANTINED = "quarantined"
"""The raw table of rows that raw does not have; `line` is a row's id, or stands for one whose id cannot be read."""
QUARANTINE_DAYS = 30
"""A line whose row cannot be found again (its key could not be read) is dropped when it is this old."""


class Quarantine:
    """The lines of one shop."""

    def __init__(self, raw: RawStore) -> None:
        self._raw = raw

    def make(self) -> None:
        """Make what is not there yet."""
        self._raw.run(f"""create table if not exists raw.{QUARANTINED} (
            store_key varchar, table_name varchar, line varchar, row_id varchar, column_name varchar,
            reason varchar, found_at timestamp)""")

    def show(self) -> None:
        """Make the view that lists it all, once all raw tables are there."""
        unreadable = [
            f"""select store_key, '{table.name}', {table.key_text}, one.key, one.value, _changed_at
                from (
                    select *, unnest(map_entries(from_json(_unreadable, '"MAP(VARCHAR,VARCHAR)"'))) as one
                    from raw.{table.name} where _unreadable is not null and _deleted_at is null
                )"""
            for table in TABLES.values()
        ]
        self._raw.run(f"""create or replace view raw.quarantine as
            select store_key, table_name, row_id, column_name, reason, found_at from raw.{QUARANTINED}
            union all {" union all ".join(unreadable)}""")

    def refused(self, table: Table) -> list[int]:
        """Ids of the rows that the store could not send when last asked."""
        return self._ids(table, "column_name is null")

    def unreadable(self, table: Table) -> list[int]:
        """Ids that the store has and raw cannot have: rows it could not send, or without a value that raw needs."""
        missing = f"""not exists (
            select 1 from raw.{table.name} as row
            where row.store_key = $store and row."{table.key}"::varchar = row_id and row._deleted_at is null)"""
        return self._ids(table, f"(column_name is null or {missing})")

    def settle(self, table: Table, asked: Iterable[int], began_at: datetime) -> None:
        """Drop the lines of a table's rows that no longer hold.

        A line goes when its row was written or marked deleted since, when a row that could not be sent was asked for
        in this run and did not fail again, and when nobody has seen it for QUARANTINE_DAYS.
        """
        self._raw.run(
            f"""delete from raw.{QUARANTINED} as line
                where line.store_key = $store and line.table_name = $name and line.found_at < $began and (
                    exists (
                        select 1 from raw.{table.name} as row
                        where row.store_key = $store and {table.key_text} = line.row_id
                          and row._changed_at > line.found_at
                    )
                    or (line.column_name is null and list_contains($asked::varchar[], line.row_id))
                    or line.found_at < $began - interval {QUARANTINE_DAYS} day
                )""",
            name=table.name,
            asked=[str(one) for one in asked],
            began=began_at,
        )

    def count(self) -> int:
        """How many values and rows are in it."""
        return int(self._raw.run("select count(*) from raw.quarantine where store_key = $store")[0][0])

    def _ids(self, table: Table, where: str) -> list[int]:
        sql = f"""select distinct try_cast(row_id as bigint) from raw.{QUARANTINED}
            where store_key = $store and table_name = $name and try_cast(row_id as bigint) is not null and {where}
            order by 1"""
        return [row[0] for row in self._raw.run(sql, name=table.name)]
