"""Accounts belong to websites: with STORE_IDS those of the views' websites are loaded, and those of loaded orders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks.load.desk import Desk, house, living, served
from loaders.magento.load import Load
from loaders.magento.tables import CUSTOMERS, ORDERS, STORE_VIEWS
from tests.e2e.shop import Shop, raw

pytestmark = pytest.mark.usefixtures("quick_retries")

TABLES = (STORE_VIEWS, CUSTOMERS, ORDERS)
WEBSITES = {1: 1, 2: 1, 3: 2}
OTHER = 40
"""An account of website 1 that buys in view 3 as well."""


@pytest.fixture
def shop(store: Path) -> Shop:
    shop = Shop(store)
    for account in (30, 31, OTHER):
        shop.edit("customers", account, lambda doc: doc.update(store_id=0, website_id=1, created_in="Admin"))
    for order in (100, 101):
        shop.edit("orders", order, lambda doc: doc.update(store_id=3, customer_id=OTHER, customer_is_guest=0))
    return shop


@pytest.fixture
def desk(store: Path) -> Iterator[Desk]:
    with served(store) as desk:
        yield desk


def wanted(shop: Shop, *views: int) -> list[int]:
    """Ids of the accounts of some views' websites, and of their orders."""
    accounts = [json.loads(doc) for (doc,) in shop.sql("select doc from customers")]
    orders = [json.loads(doc) for (doc,) in shop.sql("select doc from orders")]
    buyers = {order.get("customer_id") for order in orders if order["store_id"] in views}
    websites = {WEBSITES[view] for view in views}
    return sorted(one["id"] for one in accounts if one["website_id"] in websites or one["id"] in buyers)


def ids(folder: Path) -> list[int]:
    return [row[1] for row in living(folder, "customers")]


@pytest.mark.parametrize("views", [(1,), (3,)])
def test_accounts_are_taken_by_website_and_with_every_loaded_order(
    desk: Desk, shop: Shop, tmp_path: Path, views: tuple[int, ...]
) -> None:
    folder, desk = tmp_path / "warehouse", desk.with_settings(store_ids=",".join(map(str, views)))
    assert desk.load(folder, TABLES).errors == []
    assert ids(folder) == wanted(shop, *views)
    assert {OTHER, *({30, 31} if 1 in views else ())} <= set(ids(folder))
    again = desk.load(folder, TABLES)
    assert (again.tables["customers"].changed, again.tables["customers"].deleted) == (0, 0)
    # An earlier version took accounts by `store_id`; those that it lacks come, though nothing of theirs changes.
    with duckdb.connect(str(house(folder).path)) as connection:
        connection.execute("delete from raw.customers where store_id not in (select unnest(?))", [list(views)])
    desk.load(folder, TABLES)
    assert ids(folder) == wanted(shop, *views)


def test_what_becomes_of_an_account_that_an_order_brought_is_seen_the_next_night(
    desk: Desk, shop: Shop, tmp_path: Path
) -> None:
    folder, desk = tmp_path / "warehouse", desk.with_settings(store_ids="3")
    desk.load(folder, TABLES)
    own = next(
        one
        for one in wanted(shop, 3)
        if one != OTHER
        and shop.sql(
            "select 1 from orders where json_extract(doc, '$.customer_id') = ? and json_extract(doc, '$.store_id') = 3",
            one,
        )
    )
    shop.edit("customers", OTHER, lambda doc: doc.update(group_id=3))
    shop.edit("customers", own, lambda doc: doc.update(website_id=1))
    moved = desk.load(folder, TABLES)
    assert raw(folder, "group_id", "customers", f"id = {OTHER}") == (3,)
    assert raw(folder, "website_id, _deleted_at", "customers", f"id = {own}") == (1, None), "it has orders here"
    assert moved.tables["customers"].deleted == 0

    shop.sql("delete from customers where entity_id = ?", OTHER)
    for order in (100, 101):
        shop.edit("orders", order, lambda doc: doc.pop("customer_id"))
    gone = desk.load(folder, TABLES)
    assert gone.tables["customers"].deleted == 1
    assert ids(folder) == wanted(shop, 3)
    assert raw(folder, "customer_id", "orders", "entity_id = 100") == (None,)


def test_a_view_of_no_known_website_brings_all_accounts_and_is_told(
    desk: Desk, shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Load(desk.with_settings(store_ids="1,9").settings, house(tmp_path / "warehouse"), ())
    assert run.run(TABLES).errors == []
    assert len(ids(tmp_path / "warehouse")) == shop.sql("select count(*) from customers")[0][0]
    assert (
        "store view 9 of SOURCES__MAGENTO__STORE_IDS belongs: the accounts of all websites" in capsys.readouterr().out
    )
