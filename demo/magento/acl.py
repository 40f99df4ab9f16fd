"""Which permission each call needs and which permissions each role has (recorded per role as `role_*`)."""

from __future__ import annotations

ANONYMOUS = "anonymous"
"""Needs no token."""

ANY_ADMIN = "Magento_Backend::admin"
"""Granted to every administrator and integration, whatever the role."""

ORDERS = "Magento_Sales::actions_view"
CREDIT_MEMOS = "Magento_Sales::sales_creditmemo"
SHIPMENTS = "Magento_Sales::shipment"
INVOICES = "Magento_Sales::sales_invoice"
TRANSACTIONS = "Magento_Sales::transactions_fetch"
CUSTOMERS = "Magento_Customer::customer"
CUSTOMER_GROUPS = "Magento_Customer::group"
PRODUCTS = "Magento_Catalog::products"
CATEGORIES = "Magento_Catalog::categories"
ATTRIBUTES = "Magento_Catalog::attributes_attributes"
STOCK = "Magento_CatalogInventory::cataloginventory"
CART_RULES = "Magento_SalesRule::quote"
STORES = "Magento_Backend::store"

_ARTICLE = frozenset({ORDERS, CREDIT_MEMOS, SHIPMENTS, CUSTOMERS, CUSTOMER_GROUPS, PRODUCTS, CATEGORIES})

ROLES: dict[str, frozenset[str] | None] = {
    "administrators": None,
    "reader": _ARTICLE,
    "briefreader": _ARTICLE,
    "leafreader": _ARTICLE - {CUSTOMERS},
    "ordersonly": frozenset({ORDERS}),
    "none": frozenset(),
}
"""Permissions of each role; None is all of them.

`reader` is the article's role as the admin screen saves it, `briefreader` the article's literal list, `leafreader` only
the leaves of the tree (so not `Magento_Customer::customer`, which is a root node), `none` a role with nothing ticked.
"""


def is_allowed(role: str | None, resource: str) -> bool:
    """Whether a role (None: a guest or a customer) may do what needs `resource`."""
    if resource == ANONYMOUS:
        return True
    if role is None:
        return False
    granted = ROLES[role]
    return granted is None or resource == ANY_ADMIN or resource in granted
