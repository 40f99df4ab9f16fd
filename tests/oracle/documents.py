"""Reads the demo store's SQLite file: JSON documents as Magento's REST API sends them.

`observe` may be called again with a later state of the same store: what is new or changed replaces what was known,
what is gone stays known, and orders and customers that are gone are marked as deleted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from .entities import ZERO, Address, Category, Customer, Line, Order, Product, Shop, StoreView
from .rules import rounded

Document = Mapping[str, Any]


def observe(shop: Shop, path: str | Path) -> None:
    """Bring `shop` up to date with the store in the SQLite file at `path`."""
    connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)
    try:
        orders = {doc["entity_id"]: order(doc) for doc in _documents(connection, "orders")}
        customers = {doc["id"]: customer(doc) for doc in _documents(connection, "customers")}
        gone = [known for id_, known in shop.orders.items() if id_ not in orders]
        left = [known for id_, known in shop.customers.items() if id_ not in customers]
        shop.orders |= orders | {known.entity_id: replace(known, deleted=True) for known in gone}
        shop.customers |= customers | {known.id: replace(known, deleted=True) for known in left}
        shop.products |= {doc["id"]: product(doc) for doc in _documents(connection, "products")}
        shop.categories |= {
            doc["id"]: Category(doc["id"], doc.get("name"), doc.get("level"))
            for doc in _documents(connection, "categories")
        }
        shop.groups |= {doc["id"]: doc.get("code") for doc in _documents(connection, "customer_groups")}
        shop.options |= {
            (code, value): label
            for code, value, label in connection.execute("select attribute_code, value, label from attribute_options")
        }
        shop.store_views = {view.id: view for view in _store_views(connection)}
    finally:
        connection.close()


def _documents(connection: sqlite3.Connection, table: str) -> Iterable[Document]:
    for (text,) in connection.execute(f"select doc from {table}"):
        yield json.loads(text, parse_float=Decimal)


def _store_views(connection: sqlite3.Connection) -> Iterable[StoreView]:
    """The active views of the default website: what GraphQL's `availableStores` tells anyone."""
    websites = {doc["id"]: doc for doc in _documents(connection, "websites") if doc["id"]}
    groups = {doc["id"]: doc for doc in _documents(connection, "store_groups")}
    configs = {doc["id"]: doc for doc in _documents(connection, "store_configs")}
    website = websites[min(websites)]
    default_view = groups[website["default_group_id"]]["default_store_id"]
    for doc in _documents(connection, "store_views"):
        if doc["website_id"] == website["id"] and doc.get("is_active", 1):
            config = configs[doc["id"]]
            yield StoreView(
                id=doc["id"],
                name=doc.get("name"),
                website_code=website.get("code"),
                time_zone=config["timezone"],
                base_currency=config["base_currency_code"],
                is_default=doc["id"] == default_view,
            )


def timestamp(text: str | None) -> datetime | None:
    """Magento's `YYYY-MM-DD HH:MM:SS`, UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S") if text else None  # noqa: DTZ007 - naive UTC on purpose


def money(value: object) -> Decimal:
    """An amount with four decimals, as the database has it; a missing one is 0."""
    return rounded(Decimal(str(value)), 4) if value is not None else ZERO


def order(doc: Document) -> Order:
    """An item of `GET /V1/orders`."""
    created = timestamp(doc["created_at"])
    if created is None:
        raise ValueError(f"order {doc['entity_id']} has no created_at")
    rate = doc.get("base_to_global_rate")
    billing = doc.get("billing_address")
    return Order(
        entity_id=doc["entity_id"],
        created_at=created,
        email=doc.get("customer_email"),
        customer_id=doc.get("customer_id"),
        state=doc.get("state"),
        payment_method=(doc.get("payment") or {}).get("method"),
        base_grand_total=money(doc.get("base_grand_total")),
        base_total_paid=money(doc.get("base_total_paid")),
        base_total_refunded=money(doc.get("base_total_refunded")),
        base_total_canceled=money(doc.get("base_total_canceled")),
        base_currency=doc.get("base_currency_code"),
        global_currency=doc.get("global_currency_code"),
        base_to_global_rate=rounded(Decimal(str(rate)), 8) if rate is not None else None,
        coupon_code=doc.get("coupon_code"),
        coupon_codes=tuple((doc.get("extension_attributes") or {}).get("coupon_codes") or ()),
        store_id=doc.get("store_id"),
        store_name=doc.get("store_name"),
        firstname=doc.get("customer_firstname"),
        lastname=doc.get("customer_lastname"),
        dob=doc.get("customer_dob"),
        gender=doc.get("customer_gender"),
        group_id=doc.get("customer_group_id"),
        billing=_address(billing) if billing else None,
        lines=tuple(line(item) for item in doc.get("items") or ()),
    )


def line(doc: Document) -> Line:
    """An item of an order."""
    return Line(
        item_id=doc["item_id"],
        product_id=doc.get("product_id"),
        product_type=doc.get("product_type"),
        name=doc.get("name"),
        parent_item_id=doc.get("parent_item_id"),
        qty_ordered=money(doc.get("qty_ordered")),
        qty_invoiced=money(doc.get("qty_invoiced")),
        qty_refunded=money(doc.get("qty_refunded")),
        qty_canceled=money(doc.get("qty_canceled")),
        base_price=money(doc.get("base_price")),
    )


def customer(doc: Document) -> Customer:
    """An item of `GET /V1/customers/search`."""
    return Customer(
        id=doc["id"],
        email=doc.get("email"),
        created_at=timestamp(doc.get("created_at")),
        updated_at=timestamp(doc.get("updated_at")),
        group_id=doc.get("group_id"),
        firstname=doc.get("firstname"),
        lastname=doc.get("lastname"),
        dob=doc.get("dob"),
        gender=doc.get("gender"),
        store_id=doc.get("store_id"),
        default_billing=_id(doc.get("default_billing")),
        default_shipping=_id(doc.get("default_shipping")),
        is_subscribed=(doc.get("extension_attributes") or {}).get("is_subscribed"),
        addresses=tuple(_address(address) for address in doc.get("addresses") or ()),
    )


def product(doc: Document) -> Product:
    """An item of `GET /V1/products`."""
    attributes = {}
    for attribute in doc.get("custom_attributes") or ():
        value = attribute.get("value")
        attributes[attribute["attribute_code"]] = (
            ",".join(map(str, value)) if isinstance(value, list) else str(value or "")
        )
    links = (doc.get("extension_attributes") or {}).get("category_links") or ()
    return Product(doc["id"], attributes, tuple(int(link["category_id"]) for link in links))


def _address(doc: Document) -> Address:
    region = doc.get("region")  # an object on accounts, a text on orders
    return Address(
        id=doc.get("id"),
        city=doc.get("city"),
        region=region.get("region") if isinstance(region, Mapping) else region,
        country_id=doc.get("country_id"),
        telephone=doc.get("telephone"),
        default_billing=bool(doc.get("default_billing")),
        default_shipping=bool(doc.get("default_shipping")),
    )


def _id(text: str | int | None) -> int | None:
    return None if text is None or text == "" else int(text)
