{#-
    Number of purchases and their amount in base currency, counted a second time straight from raw by other means: no
    staging of orders, no macros of the rules, payment methods from the seed. Which lines came back is taken from the lines.
    Compared per day of purchase, so that two mistakes cannot cancel each other.
-#}
with

settings as (

    select * from {{ ref('int_build_settings') }}

),

{# Orders without anything left of any line, and what may be left of their total. -#}
came_back as (

    select
        store_key,
        order_id,
        0.01 * count(*) as cents_of_rounding
    from {{ ref('int_order_lines_kept') }}
    group by store_key, order_id
    having
        count(case when quantity_ordered > 0 then 1 end) > 0
        and count(case when quantity_left > 0 then 1 end) = 0

),

with_totals as (

    select
        *,
        coalesce(base_grand_total, 0)
        - coalesce(base_total_refunded, 0)
        - case
            when coalesce(base_grand_total, 0) - coalesce(base_total_paid, 0) <= 0 then 0
            when coalesce(base_total_canceled, 0) <= 0 then 0
            when base_total_canceled > coalesce(base_grand_total, 0) - coalesce(base_total_paid, 0)
                then coalesce(base_grand_total, 0) - coalesce(base_total_paid, 0)
            else base_total_canceled
        end as base_amount
    from {{ source('magento', 'orders') }}
    where _deleted_at is null

),

orders as (

    select
        orders.store_key,
        orders.base_amount,
        cast(
            {{ convert_timezone('orders.created_at', store_timezone('settings')) }} as date
        ) as purchase_date
    from with_totals as orders
    left join came_back
        on
            orders.store_key = came_back.store_key
            and orders.entity_id = came_back.order_id
    left join {{ source('magento', 'store_views') }} as store_views
        on
            orders.store_key = store_views.store_key
            and orders.store_id = store_views.id
            and store_views._deleted_at is null
    inner join settings
        on orders.store_key = settings.store_key
    left join {{ ref('payment_methods') }} as methods
        on orders.payment_method = methods.payment_method
    where
        coalesce(orders.state, '') <> 'canceled'
        and coalesce(
            {{ clean_text('orders.base_currency_code') }},
            {{ clean_text('store_views.base_currency_code') }}
        ) is not null
        and (
            (coalesce(orders.base_total_paid, 0) > 0 and nullif({{ strip_whitespace('methods.states') }}, '') is null)
            or (coalesce(orders.base_total_paid, 0) > 0 and methods.require_paid)
            or (
                not coalesce(methods.require_paid, false)
                and nullif({{ strip_whitespace('methods.states') }}, '') is null
                and orders.state in ('processing', 'complete', 'closed')
            )
            or (
                not coalesce(methods.require_paid, false)
                and nullif({{ strip_whitespace('methods.states') }}, '') is not null
                and orders.state is not null
                and concat('|', methods.states, '|') like concat('%|', orders.state, '|%')
            )
        )
        and case
            when came_back.order_id is null and coalesce(orders.base_grand_total, 0) <= 0 then true
            when came_back.order_id is null or coalesce(orders.state, '') <> 'closed' then orders.base_amount > 0
            else orders.base_amount > came_back.cents_of_rounding
        end

),

{# What is counted here, and what was built taken off. -#}
counted as (

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

    union all

    select
        store_key,
        purchase_date,
        -count(*) as purchases,
        -sum(
            case
                when base_grand_total > base_total_refunded + base_canceled_unpaid
                    then base_grand_total - base_total_refunded - base_canceled_unpaid
                else 0
            end
        ) as base_amount
    from {{ ref('fct_purchases') }}
    group by store_key, purchase_date

)

select
    store_key,
    purchase_date,
    sum(purchases) as purchases_in_raw_alone,
    sum(base_amount) as base_amount_in_raw_alone
from counted
group by store_key, purchase_date
having sum(purchases) <> 0 or sum(base_amount) <> 0
