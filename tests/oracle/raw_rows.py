"""Reads a store generated straight into raw: one mapping a row, keyed by the raw columns, lists as tables of their own.

Values are what DuckDB gives Python: naive UTC `datetime`, `Decimal`, JSON columns as text. `_deleted_at` marks what the
shop deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import documents
from .entities import Category, Shop, StoreView

RawRow = Mapping[str, Any]


def shop_of(key: str, tables: Mapping[str, Sequence[RawRow]]) -> Shop:
    """The shop with this `store_key`; missing tables are empty."""

    def of(table: str, **parent: int) -> list[RawRow]:
        ((column, id_),) = parent.items() or ((None, None),)
        return [row for row in tables.get(table, ()) if column is None or row[column] == id_]

    def order(row: RawRow) -> documents.Document:
        return _document(
            row,
            payment={"method": row.get("payment_method")},
            extension_attributes={"coupon_codes": _json(row.get("coupon_codes"))},
            billing_address={
                name: row.get(f"billing_{name}") for name in ("city", "region", "country_id", "telephone")
            },
            items=of("order_items", order_id=row["entity_id"]),
        )

    def customer(row: RawRow) -> documents.Document:
        return _document(
            row,
            extension_attributes={"is_subscribed": row.get("is_subscribed")},
            addresses=of("customer_addresses", customer_id=row["id"]),
        )

    def product(row: RawRow) -> documents.Document:
        return _document(
            row,
            custom_attributes=_json(row.get("custom_attributes")),
            extension_attributes={"category_links": of("product_category_links", product_id=row["id"])},
        )

    # A store view that is gone decides nothing any more; of everything else what was known stays known.
    return Shop(
        store_key=key,
        orders={row["entity_id"]: replace(documents.order(order(row)), deleted=_gone(row)) for row in of("orders")},
        customers={
            row["id"]: replace(documents.customer(customer(row)), deleted=_gone(row)) for row in of("customers")
        },
        products={row["id"]: documents.product(product(row)) for row in of("products")},
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
            if not _gone(row)
        },
    )


def _document(row: RawRow, **nested: Any) -> documents.Document:
    moments = {name: str(row[name]) for name in ("created_at", "updated_at") if row.get(name)}
    return {**row, **moments, **nested}


def _gone(row: RawRow) -> bool:
    return row.get("_deleted_at") is not None


def _json(text: str | None) -> Any:
    return json.loads(text or "null")
