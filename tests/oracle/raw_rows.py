"""Reads rows shaped like the raw tables: one mapping per row, keyed by the raw column names.

For stores that are generated straight into raw. Values are what DuckDB gives Python: naive UTC `datetime`, `Decimal`,
JSON columns as text. `_deleted_at` marks what the shop deleted. Lines, addresses and category links count when they
carry their parent's load id: one that the parent no longer lists stays in raw with an older id. Rows of several shops
are told apart by `store_key`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .documents import money
from .entities import Address, Category, Customer, Line, Order, Product, Shop, StoreView

RawRow = Mapping[str, Any]


def shops(tables: Mapping[str, Iterable[RawRow]]) -> dict[str, Shop]:
    """One shop per `store_key` from raw table name to rows; missing tables are empty."""
    split: dict[str, dict[str, list[RawRow]]] = defaultdict(lambda: defaultdict(list))
    for table, rows in tables.items():
        for row in rows:
            split[row["store_key"]][table].append(row)
    return {key: _shop(key, tables_of) for key, tables_of in split.items()}


def _shop(key: str, tables: Mapping[str, Sequence[RawRow]]) -> Shop:
    def of(table: str) -> Sequence[RawRow]:
        return tables.get(table, ())

    lines, addresses, links = (defaultdict[int, list[RawRow]](list) for _ in range(3))
    for child, table, key_column, parent_table, parent_key in (
        (lines, "order_items", "order_id", "orders", "entity_id"),
        (addresses, "customer_addresses", "customer_id", "customers", "id"),
        (links, "product_category_links", "product_id", "products", "id"),
    ):
        loads = {row[parent_key]: row.get("_dlt_load_id") for row in of(parent_table)}
        for row in of(table):
            if row[key_column] in loads and row.get("_dlt_load_id") == loads[row[key_column]]:
                child[row[key_column]].append(row)
    # A store view that is gone decides nothing any more; of everything else what was known stays known.
    return Shop(
        store_key=key,
        orders={row["entity_id"]: _order(row, lines[row["entity_id"]]) for row in of("orders")},
        customers={row["id"]: _customer(row, addresses[row["id"]]) for row in of("customers")},
        products={
            row["id"]: Product(
                row["id"],
                _attributes(row.get("custom_attributes")),
                tuple(link["category_id"] for link in links[row["id"]]),
            )
            for row in of("products")
        },
        categories={row["id"]: Category(row["id"], row.get("name"), row.get("level")) for row in of("categories")},
        options={(row["attribute_code"], row["value"]): row.get("label") for row in of("attribute_options")},
        groups={row["id"]: row.get("code") for row in of("customer_groups")},
        store_views={
            row["id"]: StoreView(
                id=row["id"],
                name=row.get("store_name"),
                website_code=row.get("website_code"),
                time_zone=row.get("timezone"),
                base_currency=row.get("base_currency_code"),
                is_default=bool(row.get("is_default")),
            )
            for row in of("store_views")
            if row.get("_deleted_at") is None
        },
    )


def _order(row: RawRow, lines: Iterable[RawRow]) -> Order:
    rate = row.get("base_to_global_rate")
    billing = Address(
        city=row.get("billing_city"),
        region=row.get("billing_region"),
        country_id=row.get("billing_country_id"),
        telephone=row.get("billing_telephone"),
    )
    return Order(
        entity_id=row["entity_id"],
        created_at=row["created_at"],
        email=row.get("customer_email"),
        customer_id=row.get("customer_id"),
        state=row.get("state"),
        payment_method=row.get("payment_method"),
        base_grand_total=money(row.get("base_grand_total")),
        base_total_paid=money(row.get("base_total_paid")),
        base_total_refunded=money(row.get("base_total_refunded")),
        base_total_canceled=money(row.get("base_total_canceled")),
        base_currency=row.get("base_currency_code"),
        global_currency=row.get("global_currency_code"),
        base_to_global_rate=Decimal(str(rate)) if rate is not None else None,
        coupon_code=row.get("coupon_code"),
        coupon_codes=tuple(json.loads(row.get("coupon_codes") or "null") or ()),
        store_id=row.get("store_id"),
        store_name=row.get("store_name"),
        firstname=row.get("customer_firstname"),
        lastname=row.get("customer_lastname"),
        dob=row.get("customer_dob"),
        gender=row.get("customer_gender"),
        group_id=row.get("customer_group_id"),
        billing=billing,
        lines=tuple(_line(line) for line in lines),
        deleted=row.get("_deleted_at") is not None,
    )


def _line(row: RawRow) -> Line:
    return Line(
        item_id=row["item_id"],
        product_id=row.get("product_id"),
        product_type=row.get("product_type"),
        name=row.get("name"),
        parent_item_id=row.get("parent_item_id"),
        qty_ordered=money(row.get("qty_ordered")),
        qty_invoiced=money(row.get("qty_invoiced")),
        qty_refunded=money(row.get("qty_refunded")),
        qty_canceled=money(row.get("qty_canceled")),
        base_price=money(row.get("base_price")),
    )


def _customer(row: RawRow, addresses: Iterable[RawRow]) -> Customer:
    return Customer(
        id=row["id"],
        email=row.get("email"),
        created_at=row.get("created_at"),
        updated_at=row.get("updated_at"),
        group_id=row.get("group_id"),
        firstname=row.get("firstname"),
        lastname=row.get("lastname"),
        dob=row.get("dob"),
        gender=row.get("gender"),
        store_id=row.get("store_id"),
        default_billing=row.get("default_billing"),
        default_shipping=row.get("default_shipping"),
        is_subscribed=row.get("is_subscribed"),
        addresses=tuple(
            Address(
                id=address["id"],
                city=address.get("city"),
                region=address.get("region"),
                country_id=address.get("country_id"),
                telephone=address.get("telephone"),
                default_billing=bool(address.get("default_billing")),
                default_shipping=bool(address.get("default_shipping")),
            )
            for address in addresses
        ),
        deleted=row.get("_deleted_at") is not None,
    )


def _attributes(text: str | None) -> dict[str, str]:
    attributes = {}
    for attribute in json.loads(text or "null") or ():
        value = attribute.get("value")
        attributes[attribute["attribute_code"]] = (
            ",".join(map(str, value)) if isinstance(value, list) else str(value or "")
        )
    return attributes
