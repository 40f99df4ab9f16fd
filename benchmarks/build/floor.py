"""The floor: what one hand-written SQL over Parquet costs to come to the same payloads.

`facts` are two more statements, to the same fact tables: what of a build's cost is the price of having these.

Both take every short cut that the generated store allows (one shop, one time zone, one currency, no bundles, no odd
e-mails, no seeds but the fields') and that a project to be changed by analysts does not take: no tables between, no
tests.
"""

from __future__ import annotations

from pathlib import Path

WINDOWS = (30, 60, 90, 180, 360)
PLUS = WINDOWS[-1]
TABLES = (
    "orders",
    "order_items",
    "customers",
    "customer_addresses",
    "customer_groups",
    "products",
    "product_category_links",
    "categories",
    "attribute_options",
)
KINDS = {"products": 1, "categories": 2, "discount_codes": 3}


def export_statements(folder: Path) -> list[str]:
    """SQL that writes the raw tables as Parquet, which is not part of the floor's time."""
    return [f"copy raw.{table} to '{folder}/{table}.parquet' (format parquet)" for table in TABLES]


def _suffix(days: int, *, plus: bool = False) -> str:
    return f"{days}_plus_days" if plus else f"{days}_days"


def _in_order(where: str) -> str:
    """A contact's values in their order; sorted after they are gathered, which is the faster way."""
    pairs = f"list({{'place': place, 'value': value}}) filter ({where})"
    return f"list_transform(list_sort({pairs}), lambda pair: pair.value)"


def _bought(read: dict[str, str], columns: str) -> str:
    """Orders that are purchases: the contact's email, the amount, the local date, and more `columns`."""
    return f"""
    select
        orders.entity_id as order_id, coalesce(accounts.email, lower(orders.customer_email)) as email,
        base_grand_total - coalesce(base_total_refunded, 0) - coalesce(base_total_canceled, 0) as amount,
        cast(timezone('America/Argentina/Buenos_Aires', timezone('UTC', orders.created_at)) as date) as purchase_date,
        orders.created_at, {columns}
    from {read["orders"]} as orders
    left join (select id, lower(email) as email from {read["customers"]} where _deleted_at is null) as accounts
        on orders.customer_id = accounts.id
    where orders._deleted_at is null and state <> 'canceled' and base_total_paid > 0
        and base_grand_total > coalesce(base_total_refunded, 0) + coalesce(base_total_canceled, 0)
    """


def facts(folder: Path) -> dict[str, str]:
    """SQL that gives each fact table, without what the build keeps for itself (_made_from and the like).

    The second reads the first, as made.fct_purchases.
    """
    read = {table: f"'{folder}/{table}.parquet'" for table in TABLES}
    more = """increment_id, customer_id, store_id, billing_country_id, billing_region, state, status, payment_method,
        coupon_code, base_currency_code, base_grand_total, base_total_refunded, base_total_canceled"""
    purchases = f"""
        with purchases as (
            select *,
                row_number() over (partition by email order by created_at, order_id) as purchase_number,
                lead(order_id) over (partition by email order by created_at, order_id) is null as is_last_purchase
            from ({_bought(read, more)})
        )
        select
            'main' as store_key, order_id, increment_id as order_number, email, customer_id, store_id,
            'Main Website' as website, 'Default Store View' as store, billing_country_id as country,
            billing_region as region, state, status, payment_method, 'MercadoPago (cart-magento2)' as gateway,
            coupon_code as promo_codes, base_currency_code as base_currency, 'ARS' as reporting_currency,
            base_grand_total, coalesce(base_total_refunded, 0) as base_total_refunded,
            coalesce(base_total_canceled, 0) as base_canceled_unpaid, 1::decimal(20, 8) as conversion_rate,
            cast(amount as decimal(20, 4)) as amount, 0::decimal(20, 4) as discount_amount, purchase_number,
            true as has_contact, purchase_number = 1 as is_first_purchase, is_last_purchase, purchase_date,
            created_at as purchased_at,
            timezone('America/Argentina/Buenos_Aires', timezone('UTC', created_at)) as purchased_at_local
        from purchases"""
    items = f"""
        with labels as (
            select products.id, options.label as brands,
                (select string_agg(categories.name, ', ' order by categories.id)
                 from {read["product_category_links"]} as links join {read["categories"]} as categories
                     on links.category_id = categories.id
                 where links.product_id = products.id) as categories
            from {read["products"]} as products left join {read["attribute_options"]} as options
                on json_extract_string(products.custom_attributes, '$[0].value') = options.value
        )
        select
            'main' as store_key, items.item_id, items.order_id, purchases.email, items.product_id,
            coalesce(variants.product_id, items.product_id) as variant_product_id,
            variants.product_id::text as child_product_ids, items.product_id::text as brand_product_ids,
            items.product_id::text as category_product_ids, items.product_type,
            items.sku, items.name as product_name, labels.brands, labels.categories, purchases.website, purchases.store,
            items.qty_ordered - items.qty_refunded as quantity, items.base_row_total as amount,
            purchases.purchase_number, purchases.is_last_purchase, purchases.purchase_date, purchases.purchased_at
        from {read["order_items"]} as items
        join made.fct_purchases as purchases on items.order_id = purchases.order_id
        left join {read["order_items"]} as variants on items.item_id = variants.parent_item_id
        left join labels on items.product_id = labels.id
        where items.parent_item_id is null and items.qty_ordered > items.qty_refunded"""
    return {"fct_purchases": purchases, "fct_purchase_items": items}


def query(folder: Path, as_of: str, columns: list[str], keys: list[tuple[str, str, int]]) -> str:
    """The SQL that gives email and custom_fields.

    `columns` are those of icommkt_contacts in order, `keys` the profile's key, column and longest text of each field.
    """
    read = {table: f"'{folder}/{table}.parquet'" for table in TABLES}
    inside = {_suffix(days): f"days_ago <= {days}" for days in WINDOWS} | {
        _suffix(PLUS, plus=True): f"days_ago > {PLUS}"
    }
    totals = ",\n".join(
        f"""count(*) filter ({test}) as purchases_{name},
            coalesce(sum(amount) filter ({test}), 0) as amount_{name}"""
        for name, test in inside.items()
    )
    lists = ",\n".join(
        f"""{_in_order(f"kind = {kind} and not older")} as {name},
            {_in_order(f"kind = {kind} and older")} as older_{name},"""
        + ",".join(f"count(*) filter (kind = {kind} and days_ago <= {days}) as {name}_{days}" for days in WINDOWS)
        for name, kind in KINDS.items()
    )
    scores = " union all ".join(
        f"""select email, '{name}' as window_name, {last} as last_date, purchases_{name} as n, amount_{name} as m
            from totals where purchases_{name} > 0"""
        for name, last in [
            ("all", "last_purchase_date"),
            *((_suffix(days), "last_purchase_date") for days in WINDOWS),
            (_suffix(PLUS, plus=True), "last_older_date"),
        ]
    )
    rfm = ", ".join(f"max(concat(r, f, m)) filter (window_name = '{name}') as rfm_{name}" for name in ["all", *inside])
    short = "case when length({text}) <= 2000 then nullif({text}, '') else cut({list}) end"

    def joined(items: str) -> str:
        return short.format(text=f"array_to_string({items}, ', ')", list=items)

    made = {
        "store_key": "'main'",
        "gender": "case gender when 1 then 'Male' when 2 then 'Female' when 3 then 'Not Specified' end",
        "website": "'Main Website'",
        "store": "'Default Store View'",
        "days_since_first_purchase": f"date_diff('day', first_purchase_date, date '{as_of}')",
        "days_since_last_purchase": f"date_diff('day', last_purchase_date, date '{as_of}')",
        "last_purchase_amount": "coalesce(last_purchase_amount, 0)",
        "rfm": "rfm_all",
        "rfm_group": "segments.rfm_group",
        "recency_score": "try_cast(rfm_all[1] as int)",
        "frequency_score": "try_cast(rfm_all[2] as int)",
        "monetary_score": "try_cast(rfm_all[3] as int)",
        "purchases_total": "coalesce(purchases_all, 0)",
        "amount_total": "coalesce(amount_all, 0)",
    }
    for kind in ("brands", "categories", "promo_codes"):
        made[f"last_purchase_{kind}"] = joined(f"last_{kind}")
    for name in inside:
        days = name.split("_")[0]
        for kind in KINDS:
            items = f"older_{kind}" if "plus" in name else f"list_slice({kind}, 1, {kind}_{days})"
            made[f"{kind}_{name}"] = joined(items)
        made[f"purchases_{name}"] = f"coalesce(purchases_{name}, 0)"
        made[f"amount_{name}"] = f"coalesce(amount_{name}, 0)"
        halves = f"2 * cast(amount_{name} * 10000 as hugeint) + 100 * purchases_{name}"
        cents = f"cast(({halves}) // (200 * purchases_{name}) as decimal(20, 0))"
        made[f"average_amount_{name}"] = (
            f"case when purchases_{name} > 0 then {cents} * cast(0.01 as decimal(3, 2)) else 0 end"
        )
    money = {name for name in columns if "amount" in name}
    dates = {name for name in columns if name.endswith("_date")}

    def text(name: str) -> str:
        value = made.get(name, name)
        if name in money:
            return f"case when {value} = 0 then '0' else cast(cast({value} as decimal(20, 2)) as varchar) end"
        if name in dates:
            return f"coalesce(strftime({value}, '%d/%m/%Y'), '')"
        if name == "is_subscribed":
            return "case when is_subscribed then 'si' when not is_subscribed then 'no' else '' end"
        return f"coalesce(cast({value} as varchar), '')"

    fields = ", ".join(f"{{'Key': '{key}', 'Value': left({text(name)}, {length})}}" for key, name, length in keys)
    return f"""
with
accounts as (
    select lower(email) as email, * exclude (email) from {read["customers"]} where _deleted_at is null
),
bought as ({_bought(read, "coupon_code")}),
purchases as (
    select *, date_diff('day', purchase_date, date '{as_of}') as days_ago,
        row_number() over (partition by email order by created_at desc, order_id desc) as place
    from bought where purchase_date <= date '{as_of}'
),
totals as (
    select email, min(purchase_date) as first_purchase_date, max(purchase_date) as last_purchase_date,
        max(purchase_date) filter (days_ago > {PLUS}) as last_older_date,
        max(amount) filter (place = 1) as last_purchase_amount,
        count(*) as purchases_all, sum(amount) as amount_all, {totals}
    from purchases group by email
),
labels as (
    select products.id,
        list_filter([options.label], lambda label: label is not null) as brands,
        (select list(categories.name order by categories.id)
         from {read["product_category_links"]} as links join {read["categories"]} as categories
             on links.category_id = categories.id
         where links.product_id = products.id) as categories
    from {read["products"]} as products left join {read["attribute_options"]} as options
        on json_extract_string(products.custom_attributes, '$[0].value') = options.value
),
items as (
    select purchases.email, purchases.days_ago, purchases.place, items.item_id, items.product_id, items.name
    from {read["order_items"]} as items join purchases on items.order_id = purchases.order_id
    where items.parent_item_id is null and items.qty_ordered > items.qty_refunded
),
products_bought as (
    select email, days_ago > {PLUS} as older, product_id, min(place::hugeint * 1000000000000 + item_id) * 100 as place,
        min(days_ago) as days_ago, bool_or(place = 1) as is_last
    from items group by all
),
category_names as (
    select email, older, unnest(categories) as value, place + generate_subscripts(categories, 1) as place, days_ago,
        is_last
    from products_bought join labels on product_id = labels.id
),
brand_names as (
    select email, unnest(brands) as value, item_id
    from items join labels on product_id = labels.id
    where items.place = 1
),
list_values as (
    select email, 1 as kind, days_ago > {PLUS} as older, name as value,
        min(place::hugeint * 1000000000000 + item_id) as place, min(days_ago) as days_ago, false as is_last
    from items group by all
    union all
    select email, 2, older, value, min(place), min(days_ago), bool_or(is_last) from category_names group by all
    union all
    select email, 3, days_ago > {PLUS}, coupon_code, min(place), min(days_ago), bool_or(place = 1)
    from purchases where coupon_code is not null group by all
    union all
    select email, 4, false, value, min(item_id), 0, true from brand_names group by all
),
value_lists as (
    select email, {lists},
        {_in_order("kind = 4")} as last_brands,
        {_in_order("kind = 2 and is_last")} as last_categories,
        {_in_order("kind = 3 and is_last")} as last_promo_codes
    from list_values group by email
),
periods as ({scores}),
fifths as (
    select window_name,
        quantile_disc(last_date, [0.2, 0.4, 0.6, 0.8]) as dates, quantile_disc(m, [0.2, 0.4, 0.6, 0.8]) as amounts,
        quantile_disc(case when n > 1 then n end, [0.25, 0.5, 0.75]) as numbers
    from periods group by window_name
),
compared as (
    select email, window_name,
        1 + (last_date > dates[1])::int + (last_date > dates[2])::int + (last_date > dates[3])::int
            + (last_date > dates[4])::int as r,
        case when n = 1 then 1 else 2 + (n > numbers[1])::int + (n > numbers[2])::int + (n > numbers[3])::int end as f,
        1 + (m > amounts[1])::int + (m > amounts[2])::int + (m > amounts[3])::int + (m > amounts[4])::int as m
    from periods join fifths using (window_name)
),
rfm as (
    select email, {rfm}
    from compared group by email
),
people as (
    select email, accounts.id as customer_id, firstname as first_name, lastname as last_name,
        cast(dob as date) as birth_date,
        gender, telephone as phone, city, region, country_id as country, code as customer_group, is_subscribed,
        cast(timezone('America/Argentina/Buenos_Aires', timezone('UTC', created_at)) as date) as account_created_date
    from accounts
    left join {read["customer_addresses"]} as addresses on accounts.id = addresses.customer_id
    left join {read["customer_groups"]} as groups on accounts.group_id = groups.id
    union all
    select lower(customer_email), null, arg_max(customer_firstname, orders.created_at),
        arg_max(customer_lastname, orders.created_at), null, null, null, arg_max(billing_city, orders.created_at), null,
        arg_max(billing_country_id, orders.created_at), arg_max(code, orders.created_at), null, null
    from {read["orders"]} as orders
    left join {read["customer_groups"]} as groups on orders.customer_group_id = groups.id
    where customer_id is null and orders._deleted_at is null
    group by lower(customer_email)
),
segments as (
    select *, case when purchases_all is null then 'PROSPECTS' when rfm_all[2] = '1' then 'BEGINNERS'
        when rfm_all[2] <= '3' then 'FREQUENT' else 'LOYAL' end as rfm_group
    from people left join totals using (email) left join value_lists using (email) left join rfm using (email)
)
select email, custom_fields, md5(custom_fields) as payload_hash
from (
    select email, cast(to_json([{fields}]) as varchar) as custom_fields
    from segments left join seeds.rfm_segments as named
        on segments.rfm_group = named.rfm_group
        and coalesce(try_cast(rfm_all[1] as int), 0) = coalesce(named.recency_score, 0)
        and coalesce(try_cast(rfm_all[3] as int), 0) = coalesce(named.monetary_score, 0)
)
"""


CUT = """create or replace temp macro cut(items) as array_to_string(
    list_slice(items, 1, len(list_filter(
        list_transform(items, lambda item, position:
            list_sum(list_transform(list_slice(items, 1, position), lambda earlier: length(earlier) + 2)) - 2),
        lambda total: total <= 2000))), ', ')"""
