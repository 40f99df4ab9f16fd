"""Make the demo store, and let its days pass.

`create` writes the store of an Argentine merchant; `advance` moves an existing one on. Equal sizes give equal
contents; nothing reads this machine's clock.

Documents have keys and types that a live Magento 2.4.7 was recorded to send, and two kinds that it was not: an edited
order and its replacement name each other (`relation_*`, `original_increment_id`, `edit_increment`), and accounts have
`custom_attributes`. Both are in Magento's own API schema. What the loader never asks for (invoices, shipments, taxes by
line, comments, pictures) is left out.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from demo.magento import catalog, clock, database
from demo.magento.days import Day
from demo.magento.history import HISTORY, History, Sale
from demo.magento.orders import Ids, finished
from demo.magento.people import SPECIAL_ACCOUNTS, Crowd
from demo.magento.special import SpecialOrders

FIRST_DAY = "2026-11-23 05:30:00"
"""The store's clock on day 1: 02:30 of 2026-11-23 in the store's zone."""

_BATCH = 500
SEED = 1
_CATALOG_MADE = "2023-06-01 15:00:00"


def create(path: str | Path, *, customers: int = 3000, orders: int = 10000, now: str = FIRST_DAY) -> None:
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
    try:
        connection.execute("begin")
        _fill(connection, customers, orders, clock.parse(now))
        connection.execute("commit")
        database.finish(connection)
    finally:
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
                Day(connection).run(silent=silent)
            except BaseException:
                connection.execute("rollback")
                raise
            connection.execute("commit")
    finally:
        connection.close()


def _remove(path: Path) -> None:
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection, customers: int, orders: int, now: int) -> None:
    start = now - HISTORY
    goods = catalog.build(min(5000, 580 + orders // 500))
    _insert_shop(connection, goods)
    crowd = Crowd(SEED, customers, start, now - 3600)
    accounts = (crowd.account(number) for number in range(1, crowd.total + 1))
    database.insert(connection, "customers", map(database.row, accounts))
    history = History(SEED, goods, crowd, Ids(), start, now)
    special = SpecialOrders(history)
    last = _insert_sales(connection, special.make())
    special.names += [(story, "customers", id_) for id_, story in SPECIAL_ACCOUNTS.items()]
    database.insert(connection, "special_cases", special.names)
    last += _insert_sales(connection, history.regular(last + 1, max(0, orders - last)))
    history.ids.next |= {"order": last, "customer": crowd.total}
    database.set_meta(
        connection,
        now=clock.stamp(now),
        day=1,
        first_day=clock.stamp(now),
        seed=SEED,
        customers=crowd.total,
        catalog=len(goods.products),
        ids=orjson.dumps(history.ids.next).decode(),
    )


def _insert_sales(connection: sqlite3.Connection, sales: Iterator[Sale]) -> int:
    """Write sales in batches of a few megabytes, whatever the store's size; return how many there were."""
    rows: dict[str, list[tuple[object, ...]]] = {"orders": [], "creditmemos": []}

    def flush() -> None:
        for table, batch in rows.items():
            database.insert(connection, table, batch)
            batch.clear()

    count = 0
    for sale in sales:
        count += 1
        rows["orders"].append(database.row(finished(sale.order)))
        rows["creditmemos"] += [database.row(finished(memo)) for memo in sale.creditmemos]
        if len(rows["orders"]) >= _BATCH:
            flush()
    flush()
    return count


def _insert_shop(connection: sqlite3.Connection, goods: catalog.Catalog) -> None:
    small: dict[str, list[dict[str, Any]]] = {
        "websites": catalog.WEBSITES,
        "store_groups": catalog.STORE_GROUPS,
        "store_views": catalog.STORE_VIEWS,
        "store_configs": catalog.STORE_CONFIGS,
        "customer_groups": catalog.CUSTOMER_GROUPS,
    }
    for table, docs in small.items():
        database.insert(connection, table, [(doc["id"], orjson.dumps(doc)) for doc in docs])
    database.insert(connection, "attribute_options", catalog.ATTRIBUTE_OPTIONS)
    database.insert(connection, "categories", map(database.row, catalog.categories()))
    products = (catalog.product_doc(product, _CATALOG_MADE) for product in goods.products.values())
    database.insert(connection, "products", map(database.row, products))
