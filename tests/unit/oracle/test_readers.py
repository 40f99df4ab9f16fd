"""Documents and raw rows read into the same shop; what is gone stays known."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import documents, raw_rows
from tests.oracle.entities import Address, Category, Customer, Line, Order, Product, Shop, StoreView

D = Decimal
at = datetime.fromisoformat

ORDER_DOC = {
    "entity_id": 1,
    "created_at": "2026-11-01 10:00:00",
    "updated_at": "2026-11-01 10:00:00",
    "state": "complete",
    "customer_email": "Ana@example.com",
    "customer_id": 7,
    "customer_is_guest": 0,
    "customer_firstname": "Ana",
    "customer_lastname": "Paz",
    "customer_dob": "1980-01-02 00:00:00",
    "customer_gender": 2,
    "customer_group_id": 1,
    "store_id": 1,
    "store_name": "Web\nGroup\nView",
    "payment": {"method": "decidir"},
    "base_currency_code": "USD",
    "global_currency_code": "ARS",
    "base_to_global_rate": 1200.5,
    "base_grand_total": 19.99,
    "base_total_paid": 19.99,
    "base_total_refunded": 5,
    "coupon_code": "HOT",
    "extension_attributes": {"coupon_codes": ["HOT", "TWO"]},
    "billing_address": {"city": "Salta", "region": "Salta", "country_id": "AR", "telephone": "387", "region_code": "A"},
    "items": [
        {
            "item_id": 11,
            "product_id": 5,
            "product_type": "configurable",
            "name": "Shirt",
            "qty_ordered": 2,
            "qty_refunded": 1,
            "qty_canceled": 0,
            "base_price": 9.995,
            "base_row_total": 0,
        },
        {"item_id": 12, "product_id": 6, "product_type": "simple", "name": "Shirt-Red", "parent_item_id": 11},
    ],
}
ORDER = Order(
    entity_id=1,
    created_at=at("2026-11-01 10:00:00"),
    state="complete",
    email="Ana@example.com",
    customer_id=7,
    firstname="Ana",
    lastname="Paz",
    dob="1980-01-02 00:00:00",
    gender=2,
    group_id=1,
    store_id=1,
    store_name="Web\nGroup\nView",
    payment_method="decidir",
    base_currency="USD",
    global_currency="ARS",
    base_to_global_rate=D("1200.5"),
    base_grand_total=D("19.99"),
    base_total_paid=D("19.99"),
    base_total_refunded=D(5),
    coupon_code="HOT",
    coupon_codes=("HOT", "TWO"),
    billing=Address(city="Salta", region="Salta", country_id="AR", telephone="387"),
    lines=(
        Line(11, 5, "configurable", "Shirt", qty_ordered=D(2), qty_refunded=D(1), base_price=D("9.995")),
        Line(12, 6, "simple", "Shirt-Red", parent_item_id=11, qty_ordered=D(0)),
    ),
)
CUSTOMER_DOC = {
    "id": 7,
    "group_id": 1,
    "default_billing": "21",
    "default_shipping": "22",
    "created_at": "2025-01-01 00:00:00",
    "updated_at": "2026-01-01 00:00:00",
    "email": "ana@example.com",
    "firstname": "Ana",
    "lastname": "Paz",
    "dob": "1980-01-02",
    "gender": 2,
    "store_id": 1,
    "website_id": 1,
    "addresses": [
        {
            "id": 21,
            "region": {"region_code": "A", "region": "Salta", "region_id": 3},
            "country_id": "AR",
            "telephone": "387",
            "city": "Salta",
            "default_billing": True,
        },
        {"id": 22, "region": {"region_code": None, "region": None, "region_id": 0}, "default_shipping": True},
    ],
    "extension_attributes": {"is_subscribed": True},
}
CUSTOMER = Customer(
    id=7,
    group_id=1,
    default_billing=21,
    default_shipping=22,
    created_at=at("2025-01-01"),
    updated_at=at("2026-01-01"),
    email="ana@example.com",
    firstname="Ana",
    lastname="Paz",
    dob="1980-01-02",
    gender=2,
    store_id=1,
    is_subscribed=True,
    addresses=(
        Address(21, "Salta", "Salta", "AR", "387", default_billing=True),
        Address(22, default_shipping=True),
    ),
)
PRODUCT_DOC = {
    "id": 5,
    "sku": "S",
    "extension_attributes": {"category_links": [{"position": 0, "category_id": "3"}]},
    "custom_attributes": [
        {"attribute_code": "manufacturer", "value": "10"},
        {"attribute_code": "category_ids", "value": ["3"]},
    ],
}
PRODUCT = Product(5, {"manufacturer": "10", "category_ids": "3"}, (3,))
VIEW = StoreView(1, "View", "base", "Europe/Amsterdam", "EUR", is_default=True)


def write_store(path: Path, **tables: list[dict[str, Any]]) -> Path:
    """A store file with the demo store's schema, as far as the oracle reads it."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for table in ("orders", "customers", "products", "categories"):
        connection.execute(f"create table {table} (entity_id integer primary key, created_at, updated_at, doc)")
        for doc in tables.get(table, []):
            key = doc.get("entity_id", doc.get("id"))
            connection.execute(f"insert into {table} values (?, '', '', ?)", (key, json.dumps(doc)))
    for table, key in (
        ("customer_groups", "entity_id"),
        ("store_views", "id"),
        ("store_groups", "id"),
        ("websites", "id"),
        ("store_configs", "id"),
    ):
        connection.execute(f"create table {table} ({key} integer primary key, doc)")
        for doc in tables.get(table, STORES.get(table, [])):
            connection.execute(f"insert into {table} values (?, ?)", (doc["id"], json.dumps(doc)))
    connection.execute("create table attribute_options (attribute_code, value, label, sort_order)")
    for option in tables.get("options", []):
        connection.execute("insert into attribute_options values (?, ?, ?, 0)", (*option.values(),))
    connection.commit()
    connection.close()
    return path


STORES: dict[str, list[dict[str, Any]]] = {
    "websites": [
        {"id": 0, "code": "admin", "default_group_id": 0},
        {"id": 1, "code": "base", "default_group_id": 1},
        {"id": 2, "code": "uk", "default_group_id": 2},
    ],
    "store_groups": [
        {"id": 1, "website_id": 1, "default_store_id": 1},
        {"id": 2, "website_id": 2, "default_store_id": 3},
    ],
    "store_views": [
        {"id": 0, "name": "Admin", "website_id": 0, "is_active": 1},
        {"id": 1, "name": "View", "website_id": 1, "is_active": 1},
        {"id": 2, "name": "Closed", "website_id": 1, "is_active": 0},
        {"id": 3, "name": "UK", "website_id": 2, "is_active": 1},
    ],
    "store_configs": [{"id": id_, "timezone": "Europe/Amsterdam", "base_currency_code": "EUR"} for id_ in (1, 2, 3)],
    "customer_groups": [{"id": 1, "code": "General"}],
}


def full_store(path: Path) -> Path:
    return write_store(
        path,
        orders=[ORDER_DOC],
        customers=[CUSTOMER_DOC],
        products=[PRODUCT_DOC],
        categories=[{"id": 3, "name": "Hats", "level": 2}],
        options=[{"code": "manufacturer", "value": "10", "label": "Acme"}],
    )


EXPECTED = Shop(
    orders={1: ORDER},
    customers={7: CUSTOMER},
    products={5: PRODUCT},
    categories={3: Category(3, "Hats", 2)},
    options={("manufacturer", "10"): "Acme"},
    groups={1: "General"},
    store_views={1: VIEW},
)


def test_documents(tmp_path: Path) -> None:
    shop = Shop()
    documents.observe(shop, full_store(tmp_path / "store.sqlite"))
    assert shop == EXPECTED


def test_what_is_gone_stays_known(tmp_path: Path) -> None:
    shop = Shop()
    path = tmp_path / "store.sqlite"
    documents.observe(shop, full_store(path))
    documents.observe(shop, write_store(path, orders=[{**ORDER_DOC, "entity_id": 2, "items": []}]))
    assert {id_: order.deleted for id_, order in shop.orders.items()} == {1: True, 2: False}
    assert shop.orders[1].lines == ORDER.lines
    assert shop.customers[7].deleted
    assert shop.products == EXPECTED.products
    assert shop.categories == EXPECTED.categories
    assert shop.options == EXPECTED.options
    documents.observe(shop, full_store(path))  # an order that was restored
    assert {id_: order.deleted for id_, order in shop.orders.items()} == {1: False, 2: True}


@pytest.mark.parametrize("text", ["19.99", "0.1", "123456789012.3457"])
def test_money_is_never_a_binary_float(text: str) -> None:
    assert documents.money(json.loads(text, parse_float=D)) == D(text)


def test_raw_rows() -> None:
    load = {"store_key": "main", "_dlt_load_id": "2"}
    old = {"store_key": "main", "_dlt_load_id": "1"}
    tables: dict[str, list[dict[str, Any]]] = {
        "orders": [
            load
            | {
                "entity_id": 1,
                "created_at": at("2026-11-01 10:00:00"),
                "state": "complete",
                "customer_email": "Ana@example.com",
                "customer_id": 7,
                "customer_firstname": "Ana",
                "customer_lastname": "Paz",
                "customer_dob": "1980-01-02 00:00:00",
                "customer_gender": 2,
                "customer_group_id": 1,
                "store_id": 1,
                "store_name": "Web\nGroup\nView",
                "payment_method": "decidir",
                "base_currency_code": "USD",
                "global_currency_code": "ARS",
                "base_to_global_rate": D("1200.50000000"),
                "base_grand_total": D("19.9900"),
                "base_total_paid": D("19.9900"),
                "base_total_refunded": D("5.0000"),
                "base_total_canceled": None,
                "coupon_code": "HOT",
                "coupon_codes": '["HOT", "TWO"]',
                "billing_city": "Salta",
                "billing_region": "Salta",
                "billing_country_id": "AR",
                "billing_telephone": "387",
                "_deleted_at": None,
            }
        ],
        "order_items": [
            load
            | {
                "item_id": 11,
                "order_id": 1,
                "product_id": 5,
                "product_type": "configurable",
                "name": "Shirt",
                "qty_ordered": D(2),
                "qty_refunded": D(1),
                "base_price": D("9.9950"),
            },
            load
            | {
                "item_id": 12,
                "order_id": 1,
                "product_id": 6,
                "product_type": "simple",
                "name": "Shirt-Red",
                "parent_item_id": 11,
            },
            old | {"item_id": 13, "order_id": 1, "name": "Not in the order any more"},
        ],
        "customers": [
            load
            | {key: CUSTOMER_DOC[key] for key in ("id", "group_id", "email", "firstname", "lastname", "dob", "gender")}
            | {
                "store_id": 1,
                "default_billing": 21,
                "default_shipping": 22,
                "created_at": at("2025-01-01"),
                "updated_at": at("2026-01-01"),
                "is_subscribed": True,
            }
        ],
        "customer_addresses": [
            load
            | {
                "id": 21,
                "customer_id": 7,
                "city": "Salta",
                "region": "Salta",
                "country_id": "AR",
                "telephone": "387",
                "default_billing": True,
            },
            load | {"id": 22, "customer_id": 7, "default_shipping": True},
            old | {"id": 20, "customer_id": 7, "city": "Removed"},
        ],
        "products": [load | {"id": 5, "custom_attributes": json.dumps(PRODUCT_DOC["custom_attributes"])}],
        "product_category_links": [
            load | {"product_id": 5, "category_id": 3},
            old | {"product_id": 5, "category_id": 4},
        ],
        "categories": [load | {"id": 3, "name": "Hats", "level": 2}],
        "attribute_options": [load | {"attribute_code": "manufacturer", "value": "10", "label": "Acme"}],
        "customer_groups": [load | {"id": 1, "code": "General"}],
        "store_views": [
            load
            | {
                "id": 1,
                "store_name": "View",
                "website_code": "base",
                "timezone": "Europe/Amsterdam",
                "base_currency_code": "EUR",
                "is_default": True,
            }
        ],
    }
    assert raw_rows.shops(tables) == {"main": EXPECTED}


def test_raw_rows_of_several_shops_and_deletions() -> None:
    now = at("2026-11-01")
    shops = raw_rows.shops(
        {
            "orders": [
                {"store_key": "a", "entity_id": 1, "created_at": now, "_deleted_at": now},
                {"store_key": "b", "entity_id": 1, "created_at": now, "_deleted_at": None},
            ],
            "customers": [{"store_key": "b", "id": 3, "_deleted_at": now}],
        }
    )
    assert [shops["a"].orders[1].deleted, shops["b"].orders[1].deleted] == [True, False]
    assert shops["b"].customers[3].deleted
    assert shops["b"].store_key == "b"
