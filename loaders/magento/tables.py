"""The raw tables, each declared once: its call, its key, its cursor, its columns, and the lists that stay in its rows.

From this follow the `fields=` filter sent to Magento, the Arrow schema, dlt's hints, and (held together by a test) the
dbt source, which describes each column. A new column is one line here, one there, and `make backfill TABLES=<table>`.

Names are Magento's own. Which fields exist, that amounts come as JSON numbers and most missing values as missing keys,
is from recorded answers of a live Magento 2.4.7.
"""

from __future__ import annotations

from loaders.magento.schema import Column, ColumnType, Table


def _columns(type_: ColumnType, names: str) -> tuple[Column, ...]:
    """Columns of one type that are called as in the answer."""
    return tuple(Column(name, type_) for name in names.split())


_ID = Column("id", "bigint", required=True)
_ENTITY_ID = Column("entity_id", "bigint", required=True)
_DATES = _columns("timestamp", "created_at updated_at")

STORE_VIEWS = Table(
    "store_views",
    primary_key=("id",),
    lasting=("store_name", "timezone", "base_currency_code"),
    columns=(
        _ID,
        *_columns("text", "store_code store_name"),
        Column("website_id", "bigint"),
        *_columns("text", "website_code timezone base_currency_code default_display_currency_code locale"),
        Column("is_default", "bool"),
    ),
)

CUSTOMER_GROUPS = Table(
    "customer_groups",
    primary_key=("id",),
    rest_path="customerGroups/search",
    filter_key="id",
    lasting=("code",),
    columns=(_ID, Column("code", "text")),
)

CATEGORIES = Table(
    "categories",
    primary_key=("id",),
    rest_path="categories/list",
    lasting=("name",),
    columns=(
        _ID,
        Column("parent_id", "bigint"),
        Column("name", "text"),
        Column("is_active", "bool"),
        *_columns("bigint", "position level"),
        Column("path", "text"),
        *_DATES,
    ),
)

ATTRIBUTE_OPTIONS = Table(
    "attribute_options",
    primary_key=("attribute_code", "value"),
    lasting=("label",),
    follows_settings=True,
    columns=(
        Column("attribute_code", "text", required=True),
        Column("value", "text", required=True),
        Column("label", "text"),
    ),
)

PRODUCTS = Table(
    "products",
    primary_key=("id",),
    rest_path="products",
    cursor="updated_at",
    second_look="all",
    columns=(
        _ID,
        *_columns("text", "sku name type_id"),
        Column("price", "money"),
        *_columns("bigint", "status visibility"),
        *_DATES,
        Column("website_ids", "list", "extension_attributes.website_ids"),
        Column("variant_product_ids", "list", "extension_attributes.configurable_product_links"),
        Column("category_links", "list", "extension_attributes.category_links", fields=("category_id", "position")),
        Column("custom_attributes", "list"),
        Column("extension_attributes", "json"),
    ),
)

CUSTOMERS = Table(
    "customers",
    primary_key=("id",),
    rest_path="customers/search",
    cursor="updated_at",
    store_filter="website_id",
    second_look="all",
    referred_by=("orders", "customer_id"),
    columns=(
        _ID,
        Column("group_id", "bigint"),
        *_DATES,
        *_columns("text", "email firstname middlename lastname dob"),
        *_columns("bigint", "gender store_id website_id"),
        Column("created_in", "text"),
        *_columns("bigint", "default_billing default_shipping"),
        Column("is_subscribed", "bool", "extension_attributes.is_subscribed"),
        Column(
            "addresses",
            "list",
            fields=(
                *("id", "city", "region.region", "region.region_code", "postcode", "country_id", "telephone"),
                *("default_billing", "default_shipping"),
            ),
        ),
        Column("extension_attributes", "json"),
        Column("custom_attributes", "list"),
    ),
)

ORDERS = Table(
    "orders",
    primary_key=("entity_id",),
    rest_path="orders",
    cursor="updated_at",
    store_filter="store_id",
    start_filter="created_at",
    second_look="young",
    columns=(
        _ENTITY_ID,
        Column("increment_id", "text"),
        Column("created_at", "timestamp", required=True),
        Column("updated_at", "timestamp"),
        *_columns("text", "state status"),
        Column("store_id", "bigint"),
        Column("store_name", "text"),
        *_columns("bigint", "customer_id customer_is_guest"),
        *_columns("text", "customer_email customer_firstname customer_lastname customer_dob"),
        *_columns("bigint", "customer_gender customer_group_id"),
        Column("payment_method", "text", "payment.method"),
        *_columns("text", "base_currency_code order_currency_code global_currency_code"),
        *_columns("rate", "base_to_global_rate base_to_order_rate"),
        *_columns("money", "base_subtotal base_discount_amount base_shipping_amount base_tax_amount base_grand_total"),
        *_columns("money", "base_total_paid base_total_refunded base_total_canceled total_qty_ordered"),
        Column("total_item_count", "bigint"),
        Column("coupon_code", "text"),
        Column("coupon_codes", "list", "extension_attributes.coupon_codes"),
        *_columns("text", "discount_description relation_parent_id"),
        Column("billing_city", "text", "billing_address.city"),
        Column("billing_region", "text", "billing_address.region"),
        Column("billing_postcode", "text", "billing_address.postcode"),
        Column("billing_country_id", "text", "billing_address.country_id"),
        Column("billing_telephone", "text", "billing_address.telephone"),
        Column(
            "items",
            "list",
            fields=(
                *("item_id", "parent_item_id", "product_id", "product_type", "sku", "name"),
                *("qty_ordered", "qty_invoiced", "qty_refunded", "qty_canceled", "base_price", "base_row_total"),
                *("base_discount_amount", "base_tax_amount", "base_amount_refunded", "created_at", "updated_at"),
            ),
        ),
    ),
)

CREDITMEMOS = Table(
    "creditmemos",
    primary_key=("entity_id",),
    rest_path="creditmemos",
    cursor="updated_at",
    store_filter="store_id",
    columns=(
        _ENTITY_ID,
        Column("increment_id", "text"),
        Column("order_id", "bigint", required=True),
        Column("state", "bigint"),
        *_DATES,
        Column("store_id", "bigint"),
        Column("base_currency_code", "text"),
        *_columns("money", "base_subtotal base_discount_amount base_shipping_amount base_tax_amount"),
        *_columns("money", "base_adjustment_positive base_adjustment_negative base_grand_total"),
        Column(
            "items",
            "list",
            fields=(
                *("entity_id", "order_item_id", "product_id", "sku", "name", "qty", "base_price", "base_row_total"),
                *("base_discount_amount", "base_tax_amount"),
            ),
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(STORE_VIEWS, CUSTOMER_GROUPS, CATEGORIES, ATTRIBUTE_OPTIONS),
        *(PRODUCTS, CUSTOMERS, ORDERS, CREDITMEMOS),
    )
}
