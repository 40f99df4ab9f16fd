{#-
    Number of purchases and their amount in base currency, counted a second time straight from raw by other means: no
    staging, no macros of the rules, payment methods from the seed. Compared per day of purchase, so that two mistakes
    cannot cancel each other.
-#}
with

settings as (

    select * from {{ ref('int_build_settings') }}

),

orders as (

    select
        orders.store_key,
        cast(
            {{ convert_timezone('orders.created_at', store_timezone('settings')) }} as date
        ) as purchase_date,
        coalesce(orders.base_grand_total, 0)
        - coalesce(orders.base_total_refunded, 0)
        - coalesce(orders.base_total_canceled, 0) as base_amount
    from {{ source('magento', 'orders') }} as orders
    inner join settings
        on orders.store_key = settings.store_key
    left join {{ ref('payment_methods') }} as methods
        on orders.payment_method = methods.payment_method
    where
        orders._deleted_at is null
        and coalesce(orders.state, '') <> 'canceled'
        and (
            (coalesce(orders.base_total_paid, 0) > 0 and {{ seed_text('methods.states') }} is null)
            or (coalesce(orders.base_total_paid, 0) > 0 and methods.require_paid)
            or (
                not coalesce(methods.require_paid, false)
                and {{ seed_text('methods.states') }} is null
                and orders.state in ('processing', 'complete', 'closed')
            )
            or (
                not coalesce(methods.require_paid, false)
                and {{ seed_text('methods.states') }} is not null
                and orders.state is not null
                and concat('|', methods.states, '|') like concat('%|', orders.state, '|%')
            )
        )
        and (
            coalesce(orders.base_grand_total, 0)
            > coalesce(orders.base_total_refunded, 0) + coalesce(orders.base_total_canceled, 0)
            or coalesce(orders.base_grand_total, 0) <= 0
        )

),

recounted as (

    select
        orders.store_key,
        orders.purchase_date,
        count(*) as purchases,
        sum(case when orders.base_amount > 0 then orders.base_amount else 0 end) as base_amount
    from orders
    inner join settings
        on orders.store_key = settings.store_key
    where
        orders.purchase_date <= settings.as_of_date
        and (settings.start_date is null or orders.purchase_date >= settings.start_date)
    group by orders.store_key, orders.purchase_date

),

built as (

    select
        store_key,
        purchase_date,
        count(*) as purchases,
        sum(
            case
                when base_grand_total > base_total_refunded + base_total_canceled
                    then base_grand_total - base_total_refunded - base_total_canceled
                else 0
            end
        ) as base_amount
    from {{ ref('fct_purchases') }}
    group by store_key, purchase_date

)

select
    coalesce(recounted.store_key, built.store_key) as store_key,
    coalesce(recounted.purchase_date, built.purchase_date) as purchase_date,
    recounted.purchases as purchases_in_raw,
    built.purchases,
    recounted.base_amount as base_amount_in_raw,
    built.base_amount
from recounted
full outer join built
    on
        recounted.store_key = built.store_key
        and recounted.purchase_date = built.purchase_date
where
    coalesce(recounted.purchases, 0) <> coalesce(built.purchases, 0)
    or coalesce(recounted.base_amount, 0) <> coalesce(built.base_amount, 0)
