"""Writes a store of any size straight into the raw tables.

All in SQL, all from hashes: the same size always gives the same store, and nothing of it is held in Python.

Per 1,000 contacts: 800 accounts with an address, 5,000 orders of four years (a few customers order often, 15 % never)
and 10,000 order lines, of which a quarter are the variants of configurables. 3 % of the orders are refunded whole, 2 %
in part, 10 % have a coupon, 4 % are canceled, 3 % unpaid.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from loaders.magento.schema import all_columns, create_statement
from loaders.magento.tables import TABLES
from loaders.warehouse import raise_storage_version

AS_OF = dt.date(2026, 11, 23)
PRODUCTS, CONFIGURABLES, CATEGORIES, BRANDS = 20_000, 5_000, 300, 60
DAYS = 4 * 365

# Even numbers out of a key and a salt; `pick` in 0..n-1.
MACROS = """
create or replace temp macro pick(key, salt, n) as cast(hash(key, salt) % n as bigint);
create or replace temp macro share(key, salt) as (hash(key, salt) % 1000000) / 1000000.0;
"""


def create(path: Path, contacts: int) -> None:
    """Make a DuckDB file with the raw tables of a store of `contacts` contacts, as loaded on the morning of AS_OF."""
    raise_storage_version(path)
    with duckdb.connect(str(path)) as db:
        db.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false; set enable_progress_bar = false")
        db.execute("create schema if not exists raw")
        for table in TABLES.values():
            db.execute(create_statement(table))
        db.execute(MACROS)
        _catalog(db)
        _accounts(db, contacts)
        db.execute(
            f"""create temp table new_orders as
                select
                    order_id,
                    1 + cast(floor(0.85 * {contacts} * pow(share(order_id, 'who'), 1.5)) as bigint) as contact,
                    timestamp '{AS_OF}' - to_seconds(
                        cast(86400 * {DAYS} * (1 - order_id / {5 * contacts + 1}) as bigint)
                    ) as created_at
                from range(1, {5 * contacts + 1}) as orders(order_id)"""
        )
        _orders(db, contacts, f"{AS_OF} 05:00:00")
        db.execute("checkpoint")


def _insert(db: duckdb.DuckDBPyConnection, table: str, changed_at: str, query: str) -> None:
    """Fill a raw table from a query that gives some of its columns."""
    db.execute(f"create or replace temp view given as {query}")
    given = [row[0] for row in db.execute("describe given").fetchall()]
    key = ", ".join(TABLES[table].primary_key)
    names = [column.name for column in all_columns(TABLES[table])]
    values = {
        "store_key": "'main'",
        "_row_hash": f"md5(concat_ws('|', {key}))",
        "_changed_at": f"timestamp '{changed_at}'",
        "_deleted_at": "null",
    }
    values |= {name: name for name in given}
    listed = [name for name in names if name in values]
    db.execute(
        f"""insert into raw.{table} ({", ".join(listed)})
            select {", ".join(values[name] for name in listed)} from given"""
    )


def _catalog(db: duckdb.DuckDBPyConnection) -> None:
    at = f"{AS_OF} 05:00:00"
    tables = {
        "store_views": """select 1 as id, 'default' as store_code, 'Default Store View' as store_name, 1 as website_id,
            'base' as website_code, 'America/Argentina/Buenos_Aires' as timezone, 'ARS' as base_currency_code,
            'ARS' as default_display_currency_code, true as is_default""",
        "customer_groups": "select id, 'Group ' || id as code from range(4) as ids(id)",
        "categories": f"""select id, 1 as parent_id, 'Category ' || id as name, true as is_active, 2 as level
            from range(10, {10 + CATEGORIES}) as ids(id)""",
        "attribute_options": f"""select 'manufacturer' as attribute_code, cast(id as varchar) as value,
            'Brand ' || id as label from range(1, {1 + BRANDS}) as ids(id)""",
        "products": f"""select id, 'SKU-' || id as sku, 'Product number ' || id as name,
            case when id <= {CONFIGURABLES} then 'configurable' else 'simple' end as type_id, 100 as price, 1 as status,
            '[{{"attribute_code":"manufacturer","value":"' || (1 + pick(id, 'brand', {BRANDS})) || '"}}]'
                as custom_attributes,
            to_json(list_distinct([
                {{category_id: 10 + pick(id, 'category0', {CATEGORIES})}},
                {{category_id: 10 + pick(id, 'category1', {CATEGORIES})}}
            ]))::varchar as category_links
            from range(1, {1 + PRODUCTS}) as ids(id)""",
    }
    for table, query in tables.items():
        _insert(db, table, at, query)


def _accounts(db: duckdb.DuckDBPyConnection, contacts: int) -> None:
    at = f"{AS_OF} 05:00:00"
    accounts = f"range(1, {1 + contacts * 8 // 10}) as ids(id)"
    _insert(
        db,
        "customers",
        at,
        f"""select id, pick(id, 'group', 4) as group_id, timestamp '2022-01-01' + to_hours(pick(id, 'made', 40000))
            as created_at, timestamp '2026-01-01' as updated_at, 'contact' || id || '@example.com' as email,
            'First' || pick(id, 'first', 5000) as firstname, 'Last' || pick(id, 'last', 20000) as lastname,
            '1980-05-17' as dob, 1 + pick(id, 'gender', 3) as gender, 1 as store_id, 1 as website_id,
            id as default_billing,
            id % 3 > 0 as is_subscribed, '[]' as custom_attributes,
            to_json([{{
                id: id, city: 'City ' || pick(id, 'city', 800), region: {{region: 'Region ' || pick(id, 'region', 24)}},
                country_id: 'AR', telephone: '11' || pick(id, 'phone', 100000000), default_billing: true
            }}])::varchar as addresses
            from {accounts}""",
    )


def _orders(db: duckdb.DuckDBPyConnection, contacts: int, changed_at: str) -> None:
    """Insert what `new_orders` (order_id, contact, created_at) lists, with lines that add up to them."""
    db.execute(
        f"""create temp table new_lines as
            select
                order_id, created_at,
                10 * order_id + 3 * n as item_id,
                share(order_id, 'type' || n) < 0.333 as is_configurable,
                1 + pick(order_id, 'conf' || n, {CONFIGURABLES}) as configurable_id,
                1 + {CONFIGURABLES} + pick(order_id, 'prod' || n, {PRODUCTS - CONFIGURABLES}) as product_id,
                1 + pick(order_id, 'qty' || n, 3) as qty,
                cast(500 + pick(order_id, 'price' || n, 90000) as decimal(20, 4)) as price
            from new_orders, range(2) as numbers(n)
            where n = 0 or order_id % 2 = 0"""
    )
    lines = """
        select item_id, order_id, null::bigint as parent_item_id,
            if(is_configurable, configurable_id, product_id) as product_id,
            if(is_configurable, 'configurable', 'simple') as product_type, 'SKU-' || product_id as sku,
            'Product number ' || if(is_configurable, configurable_id, product_id) as name, qty as qty_ordered,
            if(pick(order_id, 'refund', 100) < 3, qty, 0) as qty_refunded, 0 as qty_canceled, price as base_price,
            price * qty as base_row_total, 0 as base_discount_amount, created_at
        from new_lines
        union all
        select item_id + 1, order_id, item_id, product_id, 'simple', 'SKU-' || product_id,
            'Product number ' || product_id, qty, 0, 0, 0, 0, 0, created_at
        from new_lines where is_configurable"""
    _insert(
        db,
        "orders",
        changed_at,
        f"""with totals as (select order_id, sum(price * qty) as total, count(*) as n from new_lines group by order_id),
            lines as ({lines}),
            lists as (
                select lines.order_id, to_json(list(lines order by item_id))::varchar as items from lines group by 1
            )
            select order_id as entity_id, lpad(cast(order_id as varchar), 9, '0') as increment_id, created_at,
                created_at as updated_at,
                case when kind < 4 then 'canceled' when kind < 7 then 'new' when refund < 3 then 'closed'
                    else 'complete' end as state,
                1 as store_id,
                'Main Website' || chr(10) || 'Main Store' || chr(10) || 'Default Store View' as store_name,
                if(contact <= {contacts} * 0.8, contact, null) as customer_id,
                if(contact <= {contacts} * 0.8, 0, 1) as customer_is_guest,
                'contact' || contact || '@example.com' as customer_email, 'First' as customer_firstname,
                'Last' as customer_lastname, pick(contact, 'group', 4) as customer_group_id,
                'mercadopago_custom' as payment_method, 'ARS' as base_currency_code, 'ARS' as order_currency_code,
                'ARS' as global_currency_code, 1 as base_to_global_rate, 1 as base_to_order_rate,
                total as base_subtotal,
                0 as base_discount_amount, 100 as base_shipping_amount, 0 as base_tax_amount,
                total + 100 as base_grand_total, if(kind < 7, null, total + 100) as base_total_paid,
                case when kind < 7 then null when refund < 3 then total + 100 when refund < 5 then 100 end
                    as base_total_refunded,
                if(kind < 4, total + 100, null) as base_total_canceled, n as total_item_count,
                if(pick(order_id, 'coupon', 10) = 0, 'CODE' || pick(order_id, 'code', 40), null) as coupon_code,
                'City ' || pick(contact, 'city', 800) as billing_city, 'AR' as billing_country_id, items
            from (
                select *, pick(order_id, 'kind', 100) as kind, pick(order_id, 'refund', 100) as refund from new_orders
            )
            join totals using (order_id) join lists using (order_id)""",
    )
    _insert(
        db,
        "creditmemos",
        changed_at,
        """select entity_id, entity_id as order_id, 2 as state, created_at, updated_at, 1 as store_id,
                base_currency_code, base_total_refunded as base_grand_total
            from raw.orders where base_total_refunded is not null""",
    )
