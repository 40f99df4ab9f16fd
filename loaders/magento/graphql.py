"""What the article's role may not read over REST, asked over GraphQL, which answers anyone (recorded).

Brand labels, time zone and currencies. `availableStores` lists the store views of the default
website only; for other websites the orders themselves name store and currency.
"""

from __future__ import annotations

import json
from typing import Any

from loaders.magento.client import MagentoClient
from loaders.magento.errors import MagentoError
from loaders.magento.rows import php_list
from loaders.magento.schema import Table
from loaders.magento.tables import STORE_VIEWS

_STORE_FIELDS = (
    "id store_code store_name website_id website_code timezone base_currency_code default_display_currency_code locale"
)


def read(client: MagentoClient, table: Table, attribute_codes: tuple[str, ...]) -> list[Any]:
    """Read all rows of a table. Raises MagentoError when GraphQL does not answer."""
    return _store_views(client) if table is STORE_VIEWS else _attribute_options(client, attribute_codes)


def _store_views(client: MagentoClient) -> list[Any]:
    data = client.graphql(f"{{storeConfig{{id}} availableStores{{{_STORE_FIELDS}}}}}")
    default = _part(data.get("storeConfig"), "id")
    return [
        {**row, "is_default": row.get("id") == default} if isinstance(row, dict) else row
        for row in _listed(data.get("availableStores"), "availableStores")
    ]


def _attribute_options(client: MagentoClient, attribute_codes: tuple[str, ...]) -> list[Any]:
    asked = ",".join(f'{{attribute_code:{json.dumps(code)},entity_type:"catalog_product"}}' for code in attribute_codes)
    query = (
        f"{{customAttributeMetadata(attributes:[{asked}]){{items{{attribute_code attribute_options{{value label}}}}}}}}"
    )
    items = _listed(_part(client.graphql(query).get("customAttributeMetadata"), "items"), "items")
    return [
        {"attribute_code": item.get("attribute_code"), "value": option.get("value"), "label": option.get("label")}
        if isinstance(option, dict)
        else option
        for item in items
        if isinstance(item, dict)  # null in place of an attribute that does not exist
        for option in _listed(item.get("attribute_options"), "attribute_options")
        if not isinstance(option, dict) or option.get("value")
    ]


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else value


def _listed(value: Any, name: str) -> list[Any]:
    """Return a list of the answer, empty for null; raises MagentoError for what is none."""
    found = [] if value is None else php_list(value)
    if found is None:
        raise MagentoError(f"GraphQL answered {name} that is no list; run again later")
    return found
