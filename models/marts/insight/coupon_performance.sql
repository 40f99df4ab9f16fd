with

purchases as (

    select * from {{ ref('fct_purchases') }}

),

{# `promo_codes` is a list here, a text in fct_purchases. -#}
orders as (

    select * from {{ ref('int_orders_assessed') }}

),

used as (

    select
        purchases.store_key,
        purchases.order_id,
        purchases.email,
        purchases.amount,
        purchases.discount_amount,
        purchases.is_first_purchase,
        purchases.purchase_date,
        {{ explode_list('orders.promo_codes', 'position', 'promo_code') }}
    from purchases
    inner join orders
        on
            purchases.store_key = orders.store_key
            and purchases.order_id = orders.order_id

),

final as (

    select
        ----------  ids
        store_key,
        promo_code,

        ----------  numerics
        count(*) as purchases,
        count(distinct email) as buyers,
        count(case when is_first_purchase then 1 end) as first_purchases,
        cast(sum(amount) as decimal(20, 4)) as amount,
        {{ average_money('sum(amount)', 'count(*)') }} as average_amount,
        cast(sum(discount_amount) as decimal(20, 4)) as discount_amount,

        ----------  dates
        min(purchase_date) as first_used_date,
        max(purchase_date) as last_used_date
    from used
    group by store_key, promo_code

)

select * from final
