"""The raw tables, declared once.

Each table names its REST call, primary key, cursor and columns. From this declaration follow the
`fields=` filter sent to Magento, the typed parsing of the answer, the Arrow schema, the dlt hints
and (held together by a test) the columns of the dbt source. Adding a column is one line here, its
line in the dbt source and `make backfill TABLES=<table>`.

Names are Magento's own; the staging models give them the project's names. Which fields exist, and
that amounts come as JSON numbers and most missing values as missing keys, is from recorded answers
of a live Magento 2.4.7.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa

ColumnType = Literal["bigint", "text", "money", "rate", "timestamp", "bool", "json"]

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "bigint": pa.int64(),
    "text": pa.string(),
    "money": pa.decimal128(20, 4),
    "rate": pa.decimal128(20, 8),
    "timestamp": pa.timestamp("us"),  # naive, UTC, as Magento stores it
    "bool": pa.bool_(),
    "json": pa.string(),
}

DUCKDB_TYPES: dict[ColumnType, str] = {
    "bigint": "BIGINT",
    "text": "VARCHAR",
    "money": "DECIMAL(20,4)",
    "rate": "DECIMAL(20,8)",
    "timestamp": "TIMESTAMP",
    "bool": "BOOLEAN",
    "json": "VARCHAR",
}


@dataclass(frozen=True)
class Column:
    """One column of a raw table.

    `path` is where the value stands in Magento's answer, dots between levels; empty means that it
    is the column's own name. `required` columns that are missing or unreadable quarantine the row.
    A `json` column keeps a whole subtree as Magento sent it; with `is_list` it is a list of texts.
    """

    name: str
    type: ColumnType
    description: str
    path: str = ""
    required: bool = False
    is_list: bool = False

    @property
    def json_path(self) -> str:
        """Dotted path of the value in the answer's item."""
        return self.path or self.name


@dataclass(frozen=True)
class Table:
    """One raw table.

    `rest_path` and `filter_key` (the name Magento filters and sorts the key by, which differs from
    the answer's for customers, products and categories) are set for tables that are read over REST.
    A table with `parent` is a list inside its parent's items, found at `items_path`, written with
    the parent and carrying its load id; `parent_key` is the column that holds the parent's key.
    `cursor` is the column of the update window, None for small tables that are read in full. `lasting`
    are columns of such a table that people see: a value that was known outlives an empty one.
    """

    name: str
    description: str
    primary_key: tuple[str, ...]
    columns: tuple[Column, ...]
    rest_path: str = ""
    filter_key: str = "entity_id"
    cursor: str | None = None
    parent: str | None = None
    parent_key: str = ""
    items_path: str = ""
    store_filter: str = ""
    lasting: tuple[str, ...] = ()
    extra_fields: tuple[str, ...] = field(default=())


STORE_KEY = Column("store_key", "text", "Which shop the row is from; `main` unless a group loads several.")

# Written by the loader into every table, in this order, after the declared columns.
BOOKKEEPING: tuple[Column, ...] = (
    Column(
        "_row_hash",
        "text",
        "Hash of the row's content, its children's included; a row read again with an equal hash is not written.",
    ),
    Column(
        "_changed_at",
        "timestamp",
        "Start (UTC) of the run that last changed the row's content, its deletion or its undeletion.",
    ),
    Column(
        "_deleted_at",
        "timestamp",
        "Start (UTC) of the run that found the row gone from Magento; empty while it exists.",
    ),
)

_CREATED = Column("created_at", "timestamp", "When Magento created the row, UTC.")
_UPDATED = Column("updated_at", "timestamp", "When Magento last changed the row, UTC; not every change moves it.")

ORDERS = Table(
    name="orders",
    description="One row per order, in Magento's own words; the order's address and payment flattened into it.",
    rest_path="orders",
    primary_key=("entity_id",),
    cursor="updated_at",
    store_filter="store_id",
    columns=(
        Column("entity_id", "bigint", "Order id, unique in the store.", required=True),
        Column("increment_id", "text", "Order number as the customer sees it."),
        Column("created_at", "timestamp", "When the order was placed, UTC.", required=True),
        _UPDATED,
        Column(
            "state",
            "text",
            "Magento's fixed state (new, pending_payment, processing, complete, closed, canceled, holded, ...).",
        ),
        Column("status", "text", "The merchant's status code inside the state."),
        Column("store_id", "bigint", "Store view of the order."),
        Column("store_name", "text", "Names of website, store group and store view, one a line."),
        Column("customer_id", "bigint", "Account that ordered; empty for guests and for deleted accounts."),
        Column("customer_is_guest", "bigint", "1 for a guest order; stays 0 when the account was deleted later."),
        Column("customer_email", "text", "E-mail typed at the checkout."),
        Column("customer_firstname", "text", "First name on the order."),
        Column("customer_lastname", "text", "Last name on the order."),
        Column("customer_dob", "text", "Birth date on the order, as Magento sends it."),
        Column("customer_gender", "bigint", "Gender code on the order."),
        Column("customer_group_id", "bigint", "Customer group at the time of the order."),
        Column("payment_method", "text", "Code of the payment method.", path="payment.method"),
        Column("base_currency_code", "text", "Currency of the base_ amounts (the website's)."),
        Column("order_currency_code", "text", "Currency the customer paid in."),
        Column("global_currency_code", "text", "Currency that base_to_global_rate converts into."),
        Column("base_to_global_rate", "rate", "Rate from the base to the global currency when the order was placed."),
        Column("base_to_order_rate", "rate", "Rate from the base to the order currency when the order was placed."),
        Column(
            "base_subtotal",
            "money",
            "Sum of price times quantity over top-level lines, before discount, base currency.",
        ),
        Column("base_discount_amount", "money", "Discount of the order, negative, base currency."),
        Column("base_shipping_amount", "money", "Shipping, base currency."),
        Column("base_tax_amount", "money", "Tax, base currency."),
        Column("base_grand_total", "money", "What the customer owes in all, base currency."),
        Column("base_total_paid", "money", "Paid so far, base currency; empty until something is paid."),
        Column("base_total_refunded", "money", "Refunded so far, base currency; empty until something is refunded."),
        Column("base_total_canceled", "money", "Canceled so far, base currency; empty until something is canceled."),
        Column("total_qty_ordered", "money", "Ordered quantity over all top-level lines."),
        Column("total_item_count", "bigint", "Number of top-level lines."),
        Column("coupon_code", "text", "Coupon code of the order."),
        Column(
            "coupon_codes",
            "json",
            "List of coupon codes, sent by Magento 2.4.8 and later.",
            path="extension_attributes.coupon_codes",
            is_list=True,
        ),
        Column("discount_description", "text", "Description of the discount, often the rule's name."),
        Column("relation_parent_id", "text", "Id of the canceled order that this one replaces after an edit."),
        Column("billing_city", "text", "City of the billing address.", path="billing_address.city"),
        Column("billing_region", "text", "Region of the billing address.", path="billing_address.region"),
        Column("billing_postcode", "text", "Postcode of the billing address.", path="billing_address.postcode"),
        Column(
            "billing_country_id", "text", "ISO country code of the billing address.", path="billing_address.country_id"
        ),
        Column("billing_telephone", "text", "Telephone of the billing address.", path="billing_address.telephone"),
    ),
)

ORDER_ITEMS = Table(
    name="order_items",
    description="One row per order line as Magento sends it, parents and children of bundles included.",
    primary_key=("item_id",),
    parent="orders",
    parent_key="order_id",
    items_path="items",
    columns=(
        Column("item_id", "bigint", "Line id, unique in the store.", required=True),
        Column("order_id", "bigint", "Order of the line."),
        Column("parent_item_id", "bigint", "Line of the configurable or bundle that this line belongs to."),
        Column("product_id", "bigint", "Product of the line; the configurable itself on its parent line."),
        Column(
            "product_type", "text", "simple, configurable, bundle, virtual, downloadable, grouped or a module's own."
        ),
        Column("sku", "text", "SKU of the line; the variant's also on a configurable's parent line."),
        Column("name", "text", "Product name when it was ordered."),
        Column("qty_ordered", "money", "Quantity ordered."),
        Column("qty_invoiced", "money", "Quantity invoiced."),
        Column("qty_refunded", "money", "Quantity refunded."),
        Column("qty_canceled", "money", "Quantity canceled."),
        Column("base_price", "money", "Price of one, before discount, base currency."),
        Column("base_row_total", "money", "Line total net of discount (REST takes the discount off), base currency."),
        Column("base_discount_amount", "money", "Discount of the line, positive, base currency."),
        Column("base_tax_amount", "money", "Tax of the line, base currency."),
        Column("base_amount_refunded", "money", "Refunded of the line, base currency."),
        _CREATED,
        _UPDATED,
    ),
)

CREDITMEMOS = Table(
    name="creditmemos",
    description="One row per credit memo (refund).",
    rest_path="creditmemos",
    primary_key=("entity_id",),
    cursor="updated_at",
    store_filter="store_id",
    columns=(
        Column("entity_id", "bigint", "Credit memo id, unique in the store.", required=True),
        Column("increment_id", "text", "Credit memo number."),
        Column("order_id", "bigint", "Order that was refunded.", required=True),
        Column("state", "bigint", "1 open, 2 refunded, 3 canceled."),
        _CREATED,
        _UPDATED,
        Column("store_id", "bigint", "Store view of the order."),
        Column("base_currency_code", "text", "Currency of the base_ amounts."),
        Column("base_subtotal", "money", "Refunded lines before discount, base currency."),
        Column("base_discount_amount", "money", "Discount taken back, negative, base currency."),
        Column("base_shipping_amount", "money", "Refunded shipping, base currency."),
        Column("base_tax_amount", "money", "Refunded tax, base currency."),
        Column("base_adjustment_positive", "money", "Extra refund, base currency."),
        Column("base_adjustment_negative", "money", "Fee kept back, base currency."),
        Column("base_grand_total", "money", "Refunded in all, base currency."),
    ),
)

CREDITMEMO_ITEMS = Table(
    name="creditmemo_items",
    description="One row per line of a credit memo.",
    primary_key=("entity_id",),
    parent="creditmemos",
    parent_key="parent_id",
    items_path="items",
    columns=(
        Column("entity_id", "bigint", "Credit memo line id, unique in the store.", required=True),
        Column("parent_id", "bigint", "Credit memo of the line."),
        Column("order_item_id", "bigint", "Order line that was refunded."),
        Column("product_id", "bigint", "Product of the line."),
        Column("sku", "text", "SKU of the line."),
        Column("name", "text", "Product name on the line."),
        Column("qty", "money", "Quantity refunded."),
        Column("base_price", "money", "Price of one, base currency."),
        Column("base_row_total", "money", "Line total, gross of discount unlike on orders, base currency."),
        Column("base_discount_amount", "money", "Discount of the line, positive, base currency."),
        Column("base_tax_amount", "money", "Tax of the line, base currency."),
    ),
)

CUSTOMERS = Table(
    name="customers",
    description="One row per customer account.",
    rest_path="customers/search",
    primary_key=("id",),
    cursor="updated_at",
    store_filter="website_id",
    columns=(
        Column("id", "bigint", "Account id, unique in the store.", required=True),
        Column("group_id", "bigint", "Customer group."),
        _CREATED,
        _UPDATED,
        Column("email", "text", "E-mail of the account; unique per website only."),
        Column("firstname", "text", "First name."),
        Column("middlename", "text", "Middle name."),
        Column("lastname", "text", "Last name."),
        Column("dob", "text", "Birth date, as Magento sends it."),
        Column("gender", "bigint", "Gender code: 1, 2 or 3 unless the store changed them."),
        Column("store_id", "bigint", "Store view the account was made in; 0 when made in the admin."),
        Column("website_id", "bigint", "Website of the account."),
        Column("created_in", "text", "Name of the store view the account was made in."),
        Column("default_billing", "bigint", "Address id used for billing."),
        Column("default_shipping", "bigint", "Address id used for shipping."),
        Column(
            "is_subscribed",
            "bool",
            "Whether the account's e-mail is subscribed to the newsletter.",
            path="extension_attributes.is_subscribed",
        ),
        Column("extension_attributes", "json", "All extension attributes as JSON, for what modules add."),
        Column("custom_attributes", "json", "Custom attributes as a JSON list of attribute_code and value."),
    ),
)

CUSTOMER_ADDRESSES = Table(
    name="customer_addresses",
    description="One row per address in an account's address book.",
    primary_key=("id",),
    parent="customers",
    parent_key="customer_id",
    items_path="addresses",
    columns=(
        Column("id", "bigint", "Address id, unique in the store.", required=True),
        Column("customer_id", "bigint", "Account of the address."),
        Column("city", "text", "City."),
        Column("region", "text", "Region's name.", path="region.region"),
        Column("region_code", "text", "Region's code.", path="region.region_code"),
        Column("postcode", "text", "Postcode."),
        Column("country_id", "text", "ISO country code."),
        Column("telephone", "text", "Telephone."),
        Column("default_billing", "bool", "Whether it is the account's billing address."),
        Column("default_shipping", "bool", "Whether it is the account's shipping address."),
    ),
)

CUSTOMER_GROUPS = Table(
    name="customer_groups",
    description="One row per customer group.",
    rest_path="customerGroups/search",
    filter_key="id",
    primary_key=("id",),
    lasting=("code",),
    columns=(
        Column("id", "bigint", "Group id; 0 is NOT LOGGED IN.", required=True),
        Column("code", "text", "Name of the group."),
    ),
)

PRODUCTS = Table(
    name="products",
    description="One row per product of the catalog, with the default store view's values.",
    rest_path="products",
    primary_key=("id",),
    cursor="updated_at",
    columns=(
        Column("id", "bigint", "Product id, unique in the store.", required=True),
        Column("sku", "text", "SKU."),
        Column("name", "text", "Name in the default store view."),
        Column("type_id", "text", "simple, configurable, bundle, virtual, downloadable, grouped or a module's own."),
        Column("price", "money", "Catalog price in the base currency; 0 for configurables."),
        Column("status", "bigint", "1 enabled, 2 disabled."),
        Column("visibility", "bigint", "1 not visible, 2 catalog, 3 search, 4 both."),
        _CREATED,
        _UPDATED,
        Column(
            "website_ids",
            "json",
            "Ids of the websites that sell it, JSON list.",
            path="extension_attributes.website_ids",
        ),
        Column(
            "variant_product_ids",
            "json",
            "Product ids of a configurable's variants, JSON list.",
            path="extension_attributes.configurable_product_links",
        ),
        Column("custom_attributes", "json", "Custom attributes as a JSON list of attribute_code and value."),
        Column("extension_attributes", "json", "All extension attributes as JSON, for what modules add."),
    ),
)

PRODUCT_CATEGORY_LINKS = Table(
    name="product_category_links",
    description="One row per product and category that it is directly in.",
    primary_key=("product_id", "category_id"),
    parent="products",
    parent_key="product_id",
    items_path="extension_attributes.category_links",
    columns=(
        Column("product_id", "bigint", "Product of the link, from the product that lists it."),
        Column("category_id", "bigint", "Category of the link.", required=True),
        Column("position", "bigint", "Position of the product in the category."),
    ),
)

CATEGORIES = Table(
    name="categories",
    description="One row per category, with the default store view's name.",
    rest_path="categories/list",
    primary_key=("id",),
    lasting=("name",),
    columns=(
        Column("id", "bigint", "Category id, unique in the store.", required=True),
        Column("parent_id", "bigint", "Category above it."),
        Column("name", "text", "Name in the default store view."),
        Column("is_active", "bool", "Whether the shop shows it."),
        Column("position", "bigint", "Position among its siblings."),
        Column("level", "bigint", "0 for the tree's root, 1 for a store's root, 2 and below for what customers see."),
        Column("path", "text", "Ids from the root down, separated by slashes."),
        _CREATED,
        _UPDATED,
    ),
)

ATTRIBUTE_OPTIONS = Table(
    name="attribute_options",
    description="One row per option of a product attribute (brands, colors), labels of the default store view.",
    primary_key=("attribute_code", "value"),
    lasting=("label",),
    columns=(
        Column("attribute_code", "text", "Code of the product attribute.", required=True),
        Column("value", "text", "Option id as products hold it.", required=True),
        Column("label", "text", "Label in the default store view."),
    ),
)

STORE_VIEWS = Table(
    name="store_views",
    description="One row per store view that GraphQL shows (those of the default website), with zone and currency.",
    primary_key=("id",),
    lasting=("store_name", "timezone", "base_currency_code"),
    columns=(
        Column("id", "bigint", "Store view id, the store_id of orders and customers.", required=True),
        Column("store_code", "text", "Code of the store view."),
        Column("store_name", "text", "Name of the store view."),
        Column("website_id", "bigint", "Website of the store view."),
        Column("website_code", "text", "Code of the website."),
        Column("timezone", "text", "IANA time zone of the store view."),
        Column("base_currency_code", "text", "Currency of the website's base_ amounts."),
        Column("default_display_currency_code", "text", "Currency that the store view shows."),
        Column("locale", "text", "Locale of the store view."),
        Column("is_default", "bool", "Whether it is the default store view of the default website."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        STORE_VIEWS,
        CUSTOMER_GROUPS,
        CATEGORIES,
        ATTRIBUTE_OPTIONS,
        PRODUCTS,
        PRODUCT_CATEGORY_LINKS,
        CUSTOMERS,
        CUSTOMER_ADDRESSES,
        ORDERS,
        ORDER_ITEMS,
        CREDITMEMOS,
        CREDITMEMO_ITEMS,
    )
}


def children_of(table: Table) -> tuple[Table, ...]:
    """Tables that are lists inside `table`'s items."""
    return tuple(t for t in TABLES.values() if t.parent == table.name)


def all_columns(table: Table) -> tuple[Column, ...]:
    """Every column of the raw table in order: store key, declared, bookkeeping."""
    return (STORE_KEY, *table.columns, *BOOKKEEPING)


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of the pages that the loader yields for `table`."""
    return pa.schema([(c.name, ARROW_TYPES[c.type]) for c in all_columns(table)])


def fields_filter(table: Table) -> str:
    """Magento's `fields=` value that asks for the declared columns of `table` and its children.

    Magento filters its answer by names in nested brackets (recorded `*_fields`), for example
    `items[entity_id,payment[method],items[item_id]],total_count`.
    """
    tree: dict[str, dict[str, object]] = {}

    def add(node: dict[str, dict[str, object]], path: str) -> None:
        for part in path.split("."):
            node = node.setdefault(part, {})  # type: ignore[assignment]

    for column in table.columns:
        add(tree, column.json_path)
    for child in children_of(table):
        for column in child.columns:
            # A key that the loader takes from the parent is not in the child's JSON.
            if not (child.name == "product_category_links" and column.name == child.parent_key):
                add(tree, f"{child.items_path}.{column.json_path}")

    whole = {c.json_path for c in table.columns if c.type == "json"}

    def text(node: dict[str, dict[str, object]], prefix: str) -> str:
        parts = []
        for name, below in node.items():
            path = f"{prefix}{name}"
            inner = "" if path in whole or not below else f"[{text(below, path + '.')}]"  # type: ignore[arg-type]
            parts.append(f"{name}{inner}")
        return ",".join(parts)

    return f"items[{text(tree, '')}],total_count"


def create_statement(table: Table, schema: str = "raw") -> str:
    """SQL that makes `table` as the loader does, for a store that has no row of it yet."""
    columns = [f'"{c.name}" {DUCKDB_TYPES[c.type]}' for c in all_columns(table)]
    columns += ["_dlt_load_id VARCHAR"]
    return f"create table if not exists {schema}.{table.name} ({', '.join(columns)})"
