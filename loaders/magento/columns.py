"""Clean rows to typed columns in Arrow alone, without a statement of SQL for each value.

This is the common case: every value fits. Where one does not (an impossible date, an amount beyond
the column's scale, a key twice) `TypedRows` says so with `OddRowsError`, and the caller goes the
slower way that names each odd value.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders.magento.tables import ARROW_TYPES, Column, Table, arrow_schema, children_of

_SCALES = {"money": 4, "rate": 8}


class OddRowsError(Exception):
    """Something in the rows needs a closer look."""


class TypedRows:
    """Turns parsed items of one table, and its children's, into raw tables.

    `to_json` writes an array of lists as JSON texts, which Arrow cannot.
    """

    def __init__(
        self, table: Table, store_key: str, changed_at: datetime, to_json: Callable[[pa.Array], pa.Array]
    ) -> None:
        self._table = table
        self._store_key = pa.scalar(store_key, pa.string())
        self._changed_at = pa.scalar(changed_at, pa.timestamp("us"))
        self._to_json = to_json

    def tables(self, items: pa.StructArray, hashes: pa.Array) -> dict[str, pa.Table]:
        """Return the raw tables of `items`, whose row hashes are `hashes`, by name.

        Raises OddRowsError when a value does not fit or a key is there twice.
        """
        try:
            columns = self._columns(self._table, items)
            tables = {self._table.name: self._raw(self._table, columns, hashes)}
            parent_ids = columns[self._table.primary_key[0]]
            for child in children_of(self._table):
                lists = _reach(items, child.items_path)
                parents = pc.list_parent_indices(lists)
                below = pc.list_flatten(lists)
                if below.null_count:
                    raise OddRowsError
                columns = self._columns(child, below, {child.parent_key: pc.take(parent_ids, parents)})
                tables[child.name] = self._raw(child, columns, pc.take(hashes, parents))
        except pa.ArrowInvalid:
            raise OddRowsError from None
        return tables

    def _columns(
        self, table: Table, items: pa.StructArray, given: dict[str, pa.Array] | None = None
    ) -> dict[str, pa.Array]:
        columns = dict(given or {})
        for column in table.columns:
            if column.name not in columns:
                columns[column.name] = self._typed(column, _reach(items, column.json_path))
            if column.required and columns[column.name].null_count:
                raise OddRowsError
        keys = [pc.cast(columns[key], pa.string()) for key in table.primary_key]
        key = keys[0] if len(keys) == 1 else pc.binary_join_element_wise(*keys, "\0")
        if pc.count_distinct(key).as_py() != len(items):
            raise OddRowsError
        return columns

    def _typed(self, column: Column, values: pa.Array) -> pa.Array:
        wanted = ARROW_TYPES[column.type]
        if column.type in _SCALES:  # rounded as DuckDB rounds; an amount too large raises
            rounded = pc.round(values, _SCALES[column.type], round_mode="half_towards_infinity")
            return pc.cast(rounded, wanted)
        if column.type == "json":
            return pa.nulls(len(values), wanted) if values.null_count == len(values) else self._to_json(values)
        return values if values.type == wanted else pc.cast(values, wanted)

    def _raw(self, table: Table, columns: dict[str, pa.Array], hashes: pa.Array) -> pa.Table:
        count = len(hashes)
        whole: dict[str, Any] = {
            **columns,
            "store_key": pa.repeat(self._store_key, count),
            "_row_hash": hashes,
            "_changed_at": pa.repeat(self._changed_at, count),
            "_deleted_at": pa.nulls(count, pa.timestamp("us")),
        }
        schema = arrow_schema(table)
        return pa.Table.from_arrays([whole[name] for name in schema.names], schema=schema)


def _reach(items: pa.StructArray, path: str) -> pa.Array:
    """Values at a dotted path; an empty object above gives nulls."""
    values = items
    for name in path.split("."):
        values = pc.struct_field(values, name)
    return values
