"""Make the demo store, and let its days pass.

`python -m demo.magento.generate PATH` writes the store of an Argentine merchant; `--advance DAYS`
moves an existing one on. Equal seeds and sizes give equal contents; nothing reads this machine's
clock.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from demo.magento import catalog, database

FIRST_DAY = "2026-11-23 05:30:00"
"""The store's clock on day 1: 02:30 of 2026-11-23 in the store's zone."""


def create(
    path: str | Path,
    *,
    seed: int = 1,
    customers: int = 3000,
    orders: int = 10000,
    now: str = FIRST_DAY,
) -> None:
    """Write a store with that many customers and orders to `path`, replacing a demo store there.

    Orders are spread over the three years before `now` (UTC). Memory does not grow with the
    sizes. Raises FileExistsError when `path` is something else than a demo store.
    """
    path = Path(path)
    _remove_store(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = database.create_schema(path)
    try:
        connection.execute("begin")
        _insert_catalog(connection, _catalog_size(orders))
        database.set_meta(connection, now=now, day=1, seed=seed, customers=customers, orders=orders)
        connection.execute("commit")
        database.finish(connection)
    finally:
        connection.close()


def _remove_store(path: Path) -> None:
    if not path.exists():
        return
    if path.stat().st_size:
        try:
            connection = database.connect(path, read_only=True)
            try:
                database.now(connection)
            finally:
                connection.close()
        except (sqlite3.Error, KeyError, FileNotFoundError):
            raise FileExistsError(f"{path} exists and is not a demo store: choose another path") from None
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _catalog_size(orders: int) -> int:
    return min(5000, 580 + orders // 500)


def _insert_catalog(connection: sqlite3.Connection, size: int) -> None:
    database.insert(connection, "websites", _rows(catalog.WEBSITES))
    database.insert(connection, "store_groups", _rows(catalog.STORE_GROUPS))
    database.insert(connection, "store_views", _rows(catalog.STORE_VIEWS))
    database.insert(connection, "store_configs", _rows(catalog.STORE_CONFIGS))
    database.insert(connection, "customer_groups", _rows(catalog.CUSTOMER_GROUPS))
    database.insert(connection, "attribute_options", catalog.ATTRIBUTE_OPTIONS)
    database.insert(connection, "categories", _entity_rows(catalog.categories()))
    products = catalog.build(size).products.values()
    database.insert(
        connection,
        "products",
        _entity_rows(
            catalog.product_doc(product, "2023-06-01 15:00:00", "2023-06-01 15:00:00") for product in products
        ),
    )


def _rows(docs: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(doc["id"], orjson.dumps(doc).decode()) for doc in docs]


def _entity_rows(docs: Any) -> Iterator[tuple[object, ...]]:
    for doc in docs:
        yield doc["id"], doc["created_at"], doc["updated_at"], orjson.dumps(doc).decode()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.magento.generate", description="Make or advance the demo store."
    )
    parser.add_argument("path", type=Path, help="SQLite file of the store")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--orders", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    create(options.path, seed=options.seed, customers=options.customers, orders=options.orders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
