{#-
    Number of accounts and of orders since the start date, counted in raw, are all accounted for: each leads to a
    contact, to an invalid address or to an excluded one, and to one of them only.
-#}
with

settings as (

    select * from {{ ref('int_build_settings') }}

),

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
        orders.store_key,
        0 as accounts,
        count(*) as orders
    from {{ source('magento', 'orders') }} as orders
    inner join settings
        on orders.store_key = settings.store_key
    where
        orders._deleted_at is null
        and (
            settings.start_date is null
            or {{ local_date('orders.created_at', store_timezone('settings')) }} >= settings.start_date
        )
    group by orders.store_key

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
