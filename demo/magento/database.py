"""The demo store's SQLite file: schema, connections and the store's own clock.

| table | key | what `doc` is |
|---|---|---|
| orders, creditmemos | entity_id | one item of `GET /V1/<table>` |
| customers | entity_id (`id` in the document) | one item of `GET /V1/customers/search` |
| products | entity_id (`id` in the document) | one item of `GET /V1/products` |
| categories | entity_id (`id` in the document) | one item of `GET /V1/categories/list` |
| customer_groups | entity_id (`id` in the document) | one item of `GET /V1/customerGroups/search` |
| store_views, store_groups, websites | id | one element of `GET /V1/store/<name>` |
| store_configs | id | one element of `GET /V1/store/storeConfigs`, without the URLs |
| attribute_options | attribute_code, value | (columns) one option of a product attribute |
| meta | key | (column `value`) the store's clock and the generator's counters |
| special_cases | | the generator's own: which entities were made to be awkward, and how |

`created_at` and `updated_at` repeat the document's own values. The columns of `COLUMNS` follow from the document by
themselves: they are what a list call can be filtered by, so editing a document is all that a change takes.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

COLUMNS: dict[str, tuple[str, ...]] = {
    "orders": (
        "store_id", "customer_id", "increment_id", "status", "state", "customer_email", "base_currency_code",
        "coupon_code",
    ),
    "creditmemos": ("store_id", "order_id", "increment_id"),
    "customers": ("website_id", "store_id", "group_id", "email"),
    "products": ("sku", "name", "type_id"),
    "categories": ("name", "parent_id", "level"),
}  # fmt: skip
"""What the entity tables can be filtered by beside key, `created_at` and `updated_at`. Magento knows more columns."""

ENTITY_TABLES = tuple(COLUMNS)
_TEXTS = (
    "increment_id", "status", "state", "customer_email", "base_currency_code", "coupon_code", "email", "sku", "name",
    "type_id",
)  # fmt: skip
_INDEXED = ("customer_id", "order_id")  # by which a day finds what belongs together

_APPLICATION_ID = 0x4D414732
"""Written into the file's header, so that nothing else is taken for a demo store."""


def _schema() -> str:
    statements = []
    for table, columns in COLUMNS.items():
        derived = "".join(
            f", {name} {'text' if name in _TEXTS else 'integer'} collate nocase"
            f" generated always as (json_extract(doc, '$.{name}')) virtual"
            for name in columns
        )
        statements.append(
            f"create table {table} (entity_id integer primary key, created_at text not null,"
            f" updated_at text not null, doc text not null{derived})"
        )
    statements.append("create table customer_groups (entity_id integer primary key, doc text not null)")
    statements += [
        f"create table {table} (id integer primary key, doc text not null)"
        for table in ("store_views", "store_groups", "websites", "store_configs")
    ]
    statements += [
        "create table attribute_options (attribute_code text not null, value text not null, label text not null,"
        " sort_order integer not null, primary key (attribute_code, value))",
        "create table meta (key text primary key, value text not null)",
        "create table special_cases (name text not null, table_name text not null, entity_id integer)",
    ]
    return ";\n".join(statements)


def connect(path: str | Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the store's file; autocommit, so transactions are begun explicitly.

    Raises FileNotFoundError when there is no store at `path` (it is `create`d by `generate`).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no demo store at {path}: demo.magento.generate.create makes one")
    uri = f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rw'}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30, check_same_thread=False)


def is_store(path: Path) -> bool:
    """Tell whether a file is a demo store, whole or not."""
    connection = connect(path, read_only=True)
    try:
        return bool(connection.execute("pragma application_id").fetchone()[0] == _APPLICATION_ID)
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def create_schema(path: Path) -> sqlite3.Connection:
    """Make an empty store file, without indexes, tuned for one bulk load, and open it."""
    connection = sqlite3.connect(path, isolation_level=None)
    # A store that failed half-way is made again from nothing, so nothing needs to be synced.
    connection.executescript(
        f"pragma page_size = 8192; pragma application_id = {_APPLICATION_ID};"
        f" pragma journal_mode = off; pragma synchronous = off; {_schema()}"
    )
    return connection


def finish(connection: sqlite3.Connection) -> None:
    """Index a loaded store and put it in WAL mode: the server reads while `advance` writes."""
    for table, columns in COLUMNS.items():
        connection.execute(f"create index {table}_updated_at on {table} (updated_at)")
        connection.execute(f"create index {table}_created_at on {table} (created_at, updated_at)")
        for name in set(columns).intersection(_INDEXED):
            connection.execute(f"create index {table}_{name} on {table} ({name})")
    connection.execute("pragma journal_mode = wal")


def row(doc: dict[str, Any]) -> tuple[object, ...]:
    """Return a document as the row of its entity table."""
    return doc.get("entity_id", doc.get("id")), doc["created_at"], doc["updated_at"], orjson.dumps(doc)


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Insert or replace rows given in the table's column order; documents are given as UTF-8 bytes."""
    names = [column[1] for column in connection.execute(f"pragma table_info({table})")]
    # Bytes are taken over as they are, where a string would be encoded once more.
    values = ", ".join("cast(? as text)" if name == "doc" else "?" for name in names)
    connection.executemany(f"insert or replace into {table} values ({values})", rows)


def set_meta(connection: sqlite3.Connection, **values: object) -> None:
    """Write values of `meta`."""
    connection.executemany(
        "insert into meta values (?, ?) on conflict (key) do update set value = excluded.value",
        [(key, str(value)) for key, value in values.items()],
    )


def now(connection: sqlite3.Connection) -> str:
    """Return the store's simulated clock: UTC, `YYYY-MM-DD HH:MM:SS`."""
    found: str = connection.execute("select value from meta where key = 'now'").fetchone()[0]
    return found
