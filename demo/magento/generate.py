"""Make the demo store, and let its days pass.

`python -m demo.magento.generate PATH` writes the store of an Argentine merchant; `--advance DAYS`
moves an existing one on. Equal seeds and sizes give equal contents; nothing reads this machine's
clock.

Documents have the keys and types that a live Magento 2.4.7 was recorded to send, and two kinds that it
was not: an edited order and its replacement name each other (`relation_*`, `original_increment_id`,
`edit_increment`), and accounts have `custom_attributes`. Both are in Magento's own API schema.
"""

from __future__ import annotations

import argparse
import gc
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from demo.magento import catalog, clock, database
from demo.magento.days import Day
from demo.magento.history import HISTORY, History, Sale
from demo.magento.orders import Ids
from demo.magento.people import SPECIAL_ACCOUNTS, Crowd
from demo.magento.special import SpecialOrders

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
    if path.exists() and path.stat().st_size and not database.is_store(path):
        raise FileExistsError(f"{path} exists and is not a demo store: choose another path")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _remove(part)
    connection = database.create_schema(part)
    # Documents hold no reference cycles; looking for some in millions of them takes a tenth of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        connection.execute("begin")
        _fill(connection, seed, customers, orders, clock.parse(now))
        connection.execute("commit")
        database.finish(connection)
    finally:
        if collecting:
            gc.enable()
        connection.close()
    _remove(path)
    part.rename(path)


def advance(path: str | Path, *, days: int = 1, silent: bool = False) -> None:
    """Let days pass in the store at `path`: each adds 24 hours to its clock.

    `silent` adds changes that move no `updated_at`. A day is written whole or not at all, while
    others go on reading. Raises FileNotFoundError when there is no store, ValueError for less
    than one day.
    """
    if days < 1:
        raise ValueError(f"advance takes at least 1 day, not {days}")
    connection = database.connect(path)
    try:
        for _ in range(days):
            connection.execute("begin immediate")
            try:
                Day.begin(connection).run(silent=silent)
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")
    finally:
        connection.close()


def _remove(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, seed: int, customers: int, orders: int, now: int) -> None:
    start = now - HISTORY
    goods = catalog.build(_catalog_size(orders))
    _insert_catalog(connection, goods)
    crowd = Crowd(seed, customers, start, now - 3600)
    database.insert(
        connection,
        "customers",
        _entity_rows(crowd.account(number) for number in range(1, crowd.total + 1)),
    )
    history = History(seed, goods, crowd, Ids(), start, now)
    special = SpecialOrders(history)
    sink = _Sink(connection)
    for sale in special.make():
        sink.add(sale)
    special.names += [(story, "customers", id_) for id_, story in SPECIAL_ACCOUNTS.items()]
    database.insert(connection, "special_cases", special.names)
    first = max(sink.highest + 1, 1)
    for sale in history.regular(first, max(0, orders - sink.highest)):
        sink.add(sale)
    sink.flush()
    history.ids.next |= {"order": sink.highest, "customer": crowd.total}
    database.set_meta(
        connection,
        now=clock.stamp(now),
        day=1,
        first_day=clock.stamp(now),
        seed=seed,
        customers=crowd.total,
        orders=max(orders, sink.highest),
        catalog=len(goods.products),
        ids=orjson.dumps(history.ids.next).decode(),
    )


class _Sink:
    """Writes sales in batches: as many as fit in a few megabytes, whatever the store's size."""

    BATCH = 500

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.highest = 0
        self._connection = connection
        self._rows: dict[str, list[tuple[object, ...]]] = {}
        self._count = 0

    def add(self, sale: Sale) -> None:
        self.highest = max(self.highest, sale.order["entity_id"])
        self._put("orders", sale.order)
        for memo in sale.creditmemos:
            self._put("creditmemos", memo)
        self._count += 1
        if self._count >= self.BATCH:
            self.flush()

    def flush(self) -> None:
        for table, rows in self._rows.items():
            database.insert(self._connection, table, rows)
        self._rows = {}
        self._count = 0

    def _put(self, table: str, doc: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(
            (doc["entity_id"], doc["created_at"], doc["updated_at"], orjson.dumps(doc))
        )


def _catalog_size(orders: int) -> int:
    return min(5000, 580 + orders // 500)


def _insert_catalog(connection: sqlite3.Connection, goods: catalog.Catalog) -> None:
    database.insert(connection, "websites", _rows(catalog.WEBSITES))
    database.insert(connection, "store_groups", _rows(catalog.STORE_GROUPS))
    database.insert(connection, "store_views", _rows(catalog.STORE_VIEWS))
    database.insert(connection, "store_configs", _rows(catalog.STORE_CONFIGS))
    database.insert(connection, "customer_groups", _rows(catalog.CUSTOMER_GROUPS))
    database.insert(connection, "attribute_options", catalog.ATTRIBUTE_OPTIONS)
    database.insert(connection, "categories", _entity_rows(catalog.categories()))
    database.insert(
        connection,
        "products",
        _entity_rows(
            catalog.product_doc(product, "2023-06-01 15:00:00", "2023-06-01 15:00:00")
            for product in goods.products.values()
        ),
    )


def _rows(docs: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    return [(doc["id"], orjson.dumps(doc)) for doc in docs]


def _entity_rows(docs: Any) -> Iterator[tuple[object, ...]]:
    for doc in docs:
        yield doc["id"], doc["created_at"], doc["updated_at"], orjson.dumps(doc)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.magento.generate",
        description="Make a demo store, or let days pass in the one that is there.",
    )
    parser.add_argument("path", type=Path, help="SQLite file of the store")
    parser.add_argument("--customers", type=int, default=3000, metavar="N")
    parser.add_argument("--orders", type=int, default=10000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--now", default=FIRST_DAY, help="clock of a new store, UTC (%(default)s)")
    parser.add_argument("--advance", type=int, metavar="DAYS", help="move the store at PATH on by so many days")
    parser.add_argument("--silent", action="store_true", help="advance with changes that no updated_at shows")
    options = parser.parse_args(arguments)
    try:
        if options.advance is not None:
            advance(options.path, days=options.advance, silent=options.silent)
        else:
            create(
                options.path,
                seed=options.seed,
                customers=options.customers,
                orders=options.orders,
                now=options.now,
            )
    except (OSError, ValueError, LookupError) as error:
        print(f"demo store: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
