"""Reading a small table in full: its rows, its keys (what is not among them is gone), and how far it is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from loaders.dates import utc_now
from loaders.magento.errors import LoginError, MagentoError, StoreDownError
from loaders.magento.pages import Job, Reading
from loaders.magento.reader import BEFORE_ALL_IDS
from loaders.magento.rows import Lost, to_rows, without_known
from loaders.magento.schema import Table
from loaders.text import fit

Names = Mapping[tuple[str, ...], Mapping[str, str | None]]
"""What was known of a table's lasting columns, by key."""


class Whole:
    """The reading of one small table; names that come back empty keep what they had."""

    def __init__(
        self, reading: Reading, table: Table, attribute_codes: tuple[str, ...], names: Callable[[Table], Names]
    ) -> None:
        self.table = table
        self.keys: list[tuple[str | None, ...]] = []
        self.lost: list[Lost] = []
        self.refused: dict[int, str] = {}
        self.note = ""
        self.is_believed = True
        self.is_done = False
        self.error: MagentoError | None = None
        self.is_open = True
        self._reading = reading
        self._codes = attribute_codes
        self._names = names

    def read(self) -> pa.Table | None:
        """Return the rows that are new or changed; what goes wrong is kept in `error`."""
        try:
            return self._read() if self._reading.ended_by is None else None
        except MagentoError as error:
            self.error = error
            if isinstance(error, LoginError | StoreDownError):
                self._reading.ended_by = self._reading.ended_by or error
            return None
        finally:
            self.is_open = False

    def _read(self) -> pa.Table | None:
        rows = self._by_pages() if self.table.rest_path else self._by_graphql()
        rows = self._with_lasting(rows)
        keys = list(zip(*(rows[name].to_pylist() for name in self.table.primary_key), strict=True))
        rows = without_known(self.table, rows, self._reading.known(self.table, keys))
        self.is_done = True
        return rows if rows.num_rows else None

    def _by_pages(self) -> pa.Table:
        job = Job(self._reading, self.table, [[BEFORE_ALL_IDS, None]])
        job.rows_left = float("inf")
        tables = [to_rows(self.table, [], "", utc_now()).table]
        while task := job.next_task():
            if (rows := task()) is not None:
                tables.append(rows)
        if job.error is not None:
            raise job.error
        self.lost, self.refused = job.lost, job.refused
        self.keys = [*_texts(job.keys), *((str(key),) for key in job.refused)]
        return pa.concat_tables(tables)

    def _by_graphql(self) -> pa.Table:
        items = self._reading.reader.graphql_rows(self.table, self._codes)
        found = to_rows(self.table, items, self._reading.store_key, utc_now())
        self._reading.progress.advance(self.table.name, len(items))
        self.keys, self.lost = _texts(found.keys), found.lost
        return found.table

    def _with_lasting(self, rows: pa.Table) -> pa.Table:
        """Keep what was known of rows whose names came back empty; believe nothing when it is most of the table's."""
        table, before, seen = self.table, self._names(self.table), 0
        emptied: dict[int, dict[str, str]] = {}
        for n, row in enumerate(rows.select([*table.primary_key, *table.lasting]).to_pylist()):
            known = before.get(tuple(str(row[name]) for name in table.primary_key))
            if known is not None:
                seen += 1
                pairs = ((name, known[name] or "") for name in table.lasting if not fit(row[name] or ""))
                if kept := {name: value for name, value in pairs if fit(value)}:
                    emptied[n] = kept
        if not emptied:
            return rows
        names = " or ".join(table.lasting)
        if 2 * len(emptied) > seen:
            self.is_believed = False
            self.note = (
                f"not believed: {len(emptied)} of {seen} rows came without the {names} they had; all stays as it was"
            )
            return rows.slice(0, 0)
        self.note = f"{len(emptied)} row(s) came without the {names} they had, and keep it"
        for name in table.lasting:
            values = [emptied.get(n, {}).get(name, value) for n, value in enumerate(rows[name].to_pylist())]
            rows = rows.set_column(rows.schema.get_field_index(name), name, pa.array(values, pa.string()))
        return rows


def _texts(keys: list[tuple[Any, ...]]) -> list[tuple[str | None, ...]]:
    return [tuple(None if one is None else str(one) for one in key) for key in keys]
