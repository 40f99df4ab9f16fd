"""What the article's role may not read over REST, asked over GraphQL, which answers anyone (recorded).

Brand labels, time zone and currencies. `availableStores` lists the store views of the default
website only; for other websites the orders themselves name store and currency.
"""

from __future__ import annotations

import json
from typing import Any

from loaders.magento.client import MagentoClient
from loaders.magento.tables import ATTRIBUTE_OPTIONS, STORE_VIEWS, Table

_STORE_FIELDS = (
    "id store_code store_name website_id website_code timezone base_currency_code default_display_currency_code locale"
)


def read(client: MagentoClient, table: Table, attribute_codes: tuple[str, ...]) -> bytes:
    """Read a whole GraphQL table in the form of a REST answer, for the same parser.

    Raises MagentoError when GraphQL does not answer.
    """
    rows = _store_views(client) if table is STORE_VIEWS else _attribute_options(client, attribute_codes)
    return json.dumps({"items": rows, "total_count": len(rows)}).encode()


def is_graphql(table: Table) -> bool:
    """Tell whether `table` is read over GraphQL."""
    return table in (STORE_VIEWS, ATTRIBUTE_OPTIONS)


def _store_views(client: MagentoClient) -> list[dict[str, Any]]:
    data = client.graphql(f"{{storeConfig{{id}} availableStores{{{_STORE_FIELDS}}}}}")
    default = (data.get("storeConfig") or {}).get("id")
    return [{**row, "is_default": row.get("id") == default} for row in data.get("availableStores") or []]


def _attribute_options(client: MagentoClient, attribute_codes: tuple[str, ...]) -> list[dict[str, Any]]:
    asked = ",".join(f'{{attribute_code:{json.dumps(code)},entity_type:"catalog_product"}}' for code in attribute_codes)
    query = (
        f"{{customAttributeMetadata(attributes:[{asked}]){{items{{attribute_code attribute_options{{value label}}}}}}}}"
    )
    items = (client.graphql(query).get("customAttributeMetadata") or {}).get("items") or []
    return [
        {"attribute_code": item.get("attribute_code"), "value": option.get("value"), "label": option.get("label")}
        for item in items
        if item  # null in place of an attribute that does not exist
        for option in item.get("attribute_options") or []
        if option.get("value")
    ]
