"""The demo store's SQLite file: schema, connections and the store's own clock.

Every entity table holds one row per entity. `doc` is the entity as Magento's REST API sends it;
`created_at` and `updated_at` repeat the document's own values so that they can be indexed. Other
fields are reached with `json_extract(doc, '$.field')`.

| table | key | what `doc` is |
|---|---|---|
| orders, creditmemos, invoices, shipments | entity_id | one item of `GET /V1/<table>` |
| customers | entity_id (`id` in the document) | one item of `GET /V1/customers/search` |
| products | entity_id (`id` in the document) | one item of `GET /V1/products` |
| categories | entity_id (`id` in the document) | one item of `GET /V1/categories/list` |
| customer_groups | entity_id (`id` in the document) | one item of `GET /V1/customerGroups/search` |
| store_views, store_groups, websites | id | one element of `GET /V1/store/<name>` |
| store_configs | id | one element of `GET /V1/store/storeConfigs`, without the URLs |
| attribute_options | attribute_code, value | (columns) one element of `.../attributes/{code}/options` |
| meta | key | (column `value`) the store's clock and the generator's counters |
| links | | the generator's own: an account's orders, an order's invoices, shipments and memos |
| special_cases | | the generator's own: which entities were made to be awkward, and how |

Orders leave out `extension_attributes.shipping_assignments[].items`: it repeats the order's items
and the server adds it to its answers.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

ENTITY_TABLES = (
    "orders",
    "creditmemos",
    "invoices",
    "shipments",
    "customers",
    "products",
    "categories",
)
"""Tables of `(entity_id, created_at, updated_at, doc)`."""

_APPLICATION_ID = 0x4D414732
"""Written into the file's header, so that nothing else is taken for a demo store."""

_SCHEMA = (
    "\n".join(
        f"""
    create table {table} (
        entity_id integer primary key,
        created_at text not null,
        updated_at text not null,
        doc text not null
    );
    """
        for table in ENTITY_TABLES
    )
    + """
    create table customer_groups (entity_id integer primary key, doc text not null);
    create table store_views (id integer primary key, doc text not null);
    create table store_groups (id integer primary key, doc text not null);
    create table websites (id integer primary key, doc text not null);
    create table store_configs (id integer primary key, doc text not null);
    create table attribute_options (
        attribute_code text not null,
        value text not null,
        label text not null,
        sort_order integer not null,
        primary key (attribute_code, value)
    );
    create table meta (key text primary key, value text not null);
    create table links (
        source text not null,
        source_id integer not null,
        target text not null,
        target_id integer not null,
        primary key (source, source_id, target, target_id)
    ) without rowid;
    create table special_cases (name text not null, table_name text not null, entity_id integer);
"""
)

_INDEXES = "\n".join(f"create index {table}_updated_at on {table} (updated_at);" for table in ENTITY_TABLES)


def connect(path: str | Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the store's file; autocommit, so transactions are begun explicitly.

    Raises FileNotFoundError when there is no store at `path` (it is `create`d by `generate`).
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no demo store at {path}: make one with `python -m demo.magento.generate {path}`")
    mode = "ro" if read_only else "rw"
    return sqlite3.connect(
        f"{path.resolve().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=30,
        check_same_thread=False,
    )


def is_store(path: Path) -> bool:
    """Tell whether a file is a demo store, whole or not."""
    try:
        connection = connect(path, read_only=True)
    except FileNotFoundError:
        return False
    try:
        found = connection.execute("pragma application_id").fetchone()[0]
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()
    return bool(found == _APPLICATION_ID)


def create_schema(path: Path) -> sqlite3.Connection:
    """Make an empty store file, without indexes, tuned for one bulk load, and open it."""
    connection = sqlite3.connect(path, isolation_level=None)
    # A store that failed half-way is made again from nothing, so nothing needs to be synced.
    connection.execute("pragma page_size = 8192")
    connection.execute(f"pragma application_id = {_APPLICATION_ID}")
    connection.execute("pragma journal_mode = off")
    connection.execute("pragma synchronous = off")
    connection.executescript(_SCHEMA)
    return connection


def finish(connection: sqlite3.Connection) -> None:
    """Index a loaded store and put it in WAL mode: the server reads while `advance` writes."""
    connection.executescript(_INDEXES)
    connection.execute("pragma journal_mode = wal")


def insert(connection: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Insert rows given in the table's column order; documents may be given as UTF-8 bytes."""
    columns = [column[0] for column in connection.execute(f"select * from {table} limit 0").description]
    # Bytes are taken over as they are, where a string would be encoded once more.
    values = ", ".join("cast(? as text)" if column == "doc" else "?" for column in columns)
    connection.executemany(f"insert into {table} values ({values})", rows)


def get_meta(connection: sqlite3.Connection, key: str) -> str:
    """Return a value of `meta`; KeyError when the store has no such key."""
    row = connection.execute("select value from meta where key = ?", (key,)).fetchone()
    if row is None:
        raise KeyError(f"the demo store has no meta value {key!r}")
    value: str = row[0]
    return value


def set_meta(connection: sqlite3.Connection, **values: object) -> None:
    """Write values of `meta`."""
    connection.executemany(
        "insert into meta values (?, ?) on conflict (key) do update set value = excluded.value",
        [(key, str(value)) for key, value in values.items()],
    )


def now(connection: sqlite3.Connection) -> str:
    """Return the store's simulated clock: UTC, `YYYY-MM-DD HH:MM:SS`."""
    return get_meta(connection, "now")
