"""The demo store's file, edited from behind, and single rows of the warehouse: what the loader's tests look at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.load.desk import house

Doc = dict[str, Any]


class Shop:
    """The store's file, changed behind Magento's back: no `updated_at` moves."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sql(self, text: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            return connection.execute(text, values).fetchall()

    def edit(self, table: str, key: int, change: Callable[[Doc], object]) -> None:
        doc = json.loads(self.sql(f"select doc from {table} where entity_id = ?", key)[0][0])
        change(doc)
        self.sql(f"update {table} set doc = ? where entity_id = ?", json.dumps(doc), key)

    def one(self, table: str, where: str) -> int:
        return int(self.sql(f"select entity_id from {table} where {where} order by entity_id limit 1")[0][0])


def raw(folder: Path, columns: str, table: str, where: str) -> tuple[Any, ...]:
    """The one row of a raw table that fits."""
    with duckdb.connect(str(house(folder).path), read_only=True) as connection:
        rows = connection.execute(f"select {columns} from raw.{table} where {where}").fetchall()
    assert len(rows) == 1, (table, where, len(rows))
    row: tuple[Any, ...] = rows[0]
    return row
