{#-
    Number of accounts and orders, counted in raw, are all accounted for: each leads to a contact, to an invalid address or
    to an excluded one, and to one of them only.
-#}
with

raw_rows as (

    select
        store_key,
        count(*) as accounts,
        0 as orders
    from {{ source('magento', 'customers') }}
    where _deleted_at is null
    group by store_key

    union all

    select
        store_key,
        0 as accounts,
        count(*) as orders
    from {{ source('magento', 'orders') }}
    where _deleted_at is null
    group by store_key

),

marts_rows as (

    select
        store_key,

        accounts,

        orders

    from {{ ref('dim_contacts') }}
    union all
    select
        store_key,
        accounts,
        orders
    from {{ ref('invalid_emails') }}
    union all
    select
        store_key,
        accounts,
        orders
    from {{ ref('excluded_contacts') }}

),

in_raw as (

    select
        store_key,
        sum(accounts) as accounts,
        sum(orders) as orders
    from raw_rows
    group by store_key

),

in_marts as (

    select
        store_key,
        sum(accounts) as accounts,
        sum(orders) as orders
    from marts_rows
    group by store_key

)

select
    coalesce(in_raw.store_key, in_marts.store_key) as store_key,
    in_raw.accounts as accounts_in_raw,
    in_marts.accounts,
    in_raw.orders as orders_in_raw,
    in_marts.orders
from in_raw
full outer join in_marts
    on in_raw.store_key = in_marts.store_key
where
    coalesce(in_raw.accounts, 0) <> coalesce(in_marts.accounts, 0)
    or coalesce(in_raw.orders, 0) <> coalesce(in_marts.orders, 0)
