"""What a raw table is made of: columns, keys, filters, and what Arrow, DuckDB, dlt and Magento call them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

ColumnType = Literal["bigint", "text", "money", "rate", "timestamp", "bool", "json", "list"]

TYPES: dict[ColumnType, tuple[pa.DataType, str, dict[str, Any]]] = {
    "bigint": (pa.int64(), "BIGINT", {"data_type": "bigint"}),
    "text": (pa.string(), "VARCHAR", {"data_type": "text"}),
    "money": (pa.decimal128(20, 4), "DECIMAL(20,4)", {"data_type": "decimal", "precision": 20, "scale": 4}),
    "rate": (pa.decimal128(20, 8), "DECIMAL(20,8)", {"data_type": "decimal", "precision": 20, "scale": 8}),
    # naive, UTC, as Magento stores it
    "timestamp": (pa.timestamp("us"), "TIMESTAMP", {"data_type": "timestamp", "timezone": False, "precision": 6}),
    "bool": (pa.bool_(), "BOOLEAN", {"data_type": "bool"}),
    "json": (pa.string(), "VARCHAR", {"data_type": "text"}),
    "list": (pa.string(), "VARCHAR", {"data_type": "text"}),
}
"""What each type is to Arrow, to DuckDB and to dlt."""


@dataclass(frozen=True)
class Column:
    """One column of a raw table.

    `path` is where the value stands in an item of the answer, dots between levels; "" means the column's own name.
    A row without a `required` value is not taken. `json` is whatever stands there, as it was sent; a `list` is a list
    however PHP wrote it. With `fields` it is one of objects, of which these are kept; the first is an object's own key.
    """

    name: str
    type: ColumnType
    path: str = ""
    required: bool = False
    fields: tuple[str, ...] = ()

    @property
    def json_path(self) -> str:
        """Dotted path of the value in the answer's item."""
        return self.path or self.name


@dataclass(frozen=True)
class Table:
    """One raw table: one call, one row for each entity.

    `filter_key` is what Magento calls the key when it filters and sorts. A table without `rest_path` is asked for over
    GraphQL. `cursor` is the column of the nightly window; without one a table is small and read in full each run.
    """

    name: str
    primary_key: tuple[str, ...]
    columns: tuple[Column, ...]
    rest_path: str = ""
    filter_key: str = "entity_id"
    cursor: str = ""
    store_filter: str = ""
    """What STORE_IDS chooses rows by: a store view, or the website of one."""
    start_filter: str = ""
    """What START_DATE chooses rows by."""
    second_look: Literal["", "all", "young"] = ""
    """Which rows change without a new `updated_at`, so that they are read again."""
    referred_by: tuple[str, str] | None = None
    """A table, and its column, whose rows name rows of this one: those come whatever their website."""
    lasting: tuple[str, ...] = ()
    """Columns that people see: a value that was known outlives an empty one."""
    follows_settings: bool = False
    """Its rows go when a setting changes, all of them too."""

    @property
    def key(self) -> str:
        """The column that pages go by."""
        return self.primary_key[0]

    @property
    def key_text(self) -> str:
        """SQL of a row's key as one text."""
        return " || '/' || ".join(f'"{name}"::varchar' for name in self.primary_key)


@dataclass(frozen=True)
class Filter:
    """One condition on rows, for the store and for raw alike; several are joined by AND."""

    field: str
    condition: Literal["eq", "gt", "lt", "gteq", "lteq", "in", "nin", "like"]
    value: str | int


STORE_KEY = Column("store_key", "text")

BOOKKEEPING = (
    Column("_unreadable", "text"),
    Column("_row_hash", "text"),
    Column("_changed_at", "timestamp"),
    Column("_deleted_at", "timestamp"),
)
"""Written by the loader into every table, in this order, after the declared columns."""


def all_columns(table: Table) -> tuple[Column, ...]:
    """Every column of the raw table in order: store key, declared, bookkeeping."""
    return (STORE_KEY, *table.columns, *BOOKKEEPING)


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a raw table's rows."""
    return pa.schema([(column.name, TYPES[column.type][0]) for column in all_columns(table)])


def create_statement(table: Table, schema: str = "raw") -> str:
    """SQL that makes `table`, before dlt would: of itself DuckDB compresses lists to three times what ZSTD makes."""

    def declared(column: Column) -> str:
        compression = " using compression zstd" if column.type in ("json", "list") else ""
        return f'"{column.name}" {TYPES[column.type][1]}{compression}'

    return f"create table if not exists {schema}.{table.name} ({', '.join(map(declared, all_columns(table)))})"


def fields_filter(table: Table, columns: tuple[Column, ...] = ()) -> str:
    """Magento's `fields=` that asks for `columns`, by default all: names in nested brackets (recorded `*_fields`).

    For example `items[entity_id,payment[method],items[item_id]],total_count`.
    """
    tree: dict[str, Any] = {}
    for column in columns or table.columns:
        for key in column.fields or ("",):
            node: dict[str, Any] | None = tree
            *above, last = f"{column.json_path}.{key}".strip(".").split(".")
            for name in above:
                node = node.setdefault(name, {}) if node is not None else None
            if node is not None:
                node[last] = None if column.type in ("json", "list") and not column.fields else {}

    def text(node: dict[str, Any]) -> str:
        return ",".join(f"{name}[{text(below)}]" if below else name for name, below in node.items())

    return f"items[{text(tree)}],total_count"


def search_params(
    filters: Iterable[Filter], *, page_size: int, sort: str, descending: bool = False, fields: str = "", page: int = 1
) -> dict[str, str]:
    """Query of a page, usually the first: `searchCriteria` in the spelling of Adobe's documentation.

    The direction is always said: without one Magento sorts descending (recorded).
    """
    params: dict[str, str] = {}
    for number, condition in enumerate(filters):
        prefix = f"searchCriteria[filter_groups][{number}][filters][0]"
        params[f"{prefix}[field]"] = condition.field
        params[f"{prefix}[value]"] = str(condition.value)
        params[f"{prefix}[condition_type]"] = condition.condition
    params["searchCriteria[sortOrders][0][field]"] = sort
    params["searchCriteria[sortOrders][0][direction]"] = "DESC" if descending else "ASC"
    params["searchCriteria[pageSize]"] = str(page_size)
    params["searchCriteria[currentPage]"] = str(page)
    if fields:
        params["fields"] = fields
    return params
