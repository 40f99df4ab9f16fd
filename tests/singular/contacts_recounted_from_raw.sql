{#-
    Number of accounts and of orders since the start date, counted in raw, are all accounted for: each leads to a
    contact, to an invalid address or to an excluded one, and to one of them only.
-#}
with

settings as (

    select * from {{ ref('int_build_settings') }}

),

{# What is in raw, and what is in the marts taken off. -#}
counted as (

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
    {% for mart in ['dim_contacts', 'invalid_emails', 'excluded_contacts'] %}

    union all

    select
        store_key,
        -sum(accounts) as accounts,
        -sum(orders) as orders
    from {{ ref(mart) }}
    group by store_key
    {% endfor %}

)

select
    store_key,
    sum(accounts) as accounts_in_raw_alone,
    sum(orders) as orders_in_raw_alone
from counted
group by store_key
having sum(accounts) <> 0 or sum(orders) <> 0
