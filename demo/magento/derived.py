"""Lists that follow from others: coupons and cart rules from the orders, product attributes from the catalog.

Only administrators may read them, so they are made when one is first asked for, as temporary tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from demo.magento import entities

if TYPE_CHECKING:
    from demo.magento.store import Store

_COMBINE = {
    "condition_type": "Magento\\SalesRule\\Model\\Rule\\Condition\\Combine",
    "aggregator_type": "all",
    "operator": None,
    "value": True,
}
_ACTIONS = {**_COMBINE, "condition_type": "Magento\\SalesRule\\Model\\Rule\\Condition\\Product\\Combine"}
_INPUTS = {
    "text": ("varchar", ""),
    "textarea": ("text", ""),
    "price": ("decimal", ""),
    "weight": ("decimal", ""),
    "date": ("datetime", ""),
    "select": ("int", "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Table"),
    "boolean": ("int", "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean"),
    "media_image": ("varchar", ""),
    "gallery": ("varchar", ""),
}


def build(store: Store) -> None:
    """Make `temp.coupons`, `temp.cart_rules` and `temp.product_attributes` anew."""
    coupons = [_coupon(number, *row) for number, row in enumerate(_used_codes(store), start=1)]
    rules = [_rule(coupon) for coupon in coupons]
    _write(store, "coupons", [(one["coupon_id"], one["created_at"], one) for one in coupons])
    _write(store, "cart_rules", [(one["rule_id"], None, one) for one in rules])
    attributes = [attribute(store, code) for code in attribute_codes(store)]
    _write(store, "product_attributes", [(one["attribute_id"], None, one) for one in attributes])


def attribute_codes(store: Store) -> list[str]:
    """Return the codes of the product attributes there are."""
    extra = [code for code in store.attribute_codes_with_options() if code not in entities.PRODUCT_ATTRIBUTES]
    return [*entities.PRODUCT_ATTRIBUTES, *sorted(extra)]


def options(store: Store, code: str) -> list[dict[str, str]]:
    """Return an attribute's options as REST gives them: an empty one first, if there are any."""
    found = [{"label": label, "value": value} for value, label in store.options(code)]
    return [{"label": " ", "value": ""}, *found] if found else []


def attribute(store: Store, code: str) -> dict[str, Any]:
    """Return a product attribute as REST gives it (recorded: `manufacturer`)."""
    known = entities.PRODUCT_ATTRIBUTES
    extra = attribute_codes(store)[len(known) :]
    attribute_id, frontend_input, label = known.get(code) or (200 + extra.index(code), "select", code.title())
    backend_type, source_model = _INPUTS[frontend_input]
    return {
        "extension_attributes": {"is_pagebuilder_enabled": False},
        "is_wysiwyg_enabled": False,
        "is_html_allowed_on_front": False,
        "used_for_sort_by": False,
        "is_filterable": frontend_input == "select",
        "is_filterable_in_search": False,
        "is_used_in_grid": True,
        "is_visible_in_grid": False,
        "is_filterable_in_grid": True,
        "position": 0,
        "apply_to": ["simple", "configurable"] if frontend_input == "select" else [],
        "is_searchable": "1",
        "is_visible_in_advanced_search": "1",
        "is_comparable": "1",
        "is_used_for_promo_rules": "0",
        "is_visible_on_front": "0",
        "used_in_product_listing": "0",
        "is_visible": True,
        "scope": "global",
        "attribute_id": attribute_id,
        "attribute_code": code,
        "frontend_input": frontend_input,
        "entity_type_id": "4",
        "is_required": False,
        "options": options(store, code),
        "is_user_defined": code in ("manufacturer", "color", "cost") or code not in known,
        "default_frontend_label": label,
        "frontend_labels": [],
        "backend_type": backend_type,
        "source_model": source_model,
        "default_value": "",
        "is_unique": "0",
        "validation_rules": [],
    }


def _used_codes(store: Store) -> list[tuple[str, str, int]]:
    return store.connection.execute(
        "select json_extract(doc, '$.coupon_code') as code, min(created_at), count(*) from orders"
        " where code is not null group by code order by 2, 1"
    ).fetchall()


def _coupon(number: int, code: str, created_at: str, times_used: int) -> dict[str, Any]:
    return {
        "coupon_id": number,
        "rule_id": number,
        "code": code,
        "usage_limit": 0,
        "usage_per_customer": 0,
        "times_used": times_used,
        "is_primary": True,
        "created_at": created_at,
        "type": 0,
    }


def _rule(coupon: dict[str, Any]) -> dict[str, Any]:
    return {
        "rule_id": coupon["rule_id"],
        "name": coupon["code"],
        "store_labels": [],
        "description": coupon["code"],
        "website_ids": [1, 2],
        "customer_group_ids": [0, 1, 2, 3],
        "uses_per_customer": 0,
        "is_active": True,
        "condition": _COMBINE,
        "action_condition": _ACTIONS,
        "stop_rules_processing": False,
        "is_advanced": True,
        "sort_order": 1,
        "simple_action": "by_percent",
        "discount_amount": 10,
        "discount_step": 0,
        "apply_to_shipping": False,
        "times_used": coupon["times_used"],
        "is_rss": False,
        "coupon_type": "SPECIFIC_COUPON",
        "use_auto_generation": False,
        "uses_per_coupon": 0,
        "simple_free_shipping": "0",
    }


def _write(store: Store, table: str, rows: list[tuple[int, str | None, dict[str, Any]]]) -> None:
    store.connection.execute(f"drop table if exists temp.{table}")
    store.connection.execute(
        f"create temporary table {table} (entity_id integer primary key, created_at text, doc text)"
    )
    store.connection.executemany(
        f"insert into temp.{table} values (?, ?, ?)",
        [(key, created_at, orjson.dumps(doc).decode()) for key, created_at, doc in rows],
    )
