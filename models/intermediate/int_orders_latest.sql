with

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

assessed_orders as (

    select * from {{ ref('int_orders_assessed') }}
    where not_a_purchase_because is distinct from 'before start date'

),

ranked as (

    select
        store_key,
        order_id,
        email,
        row_number() over (
            partition by store_key, email
            order by created_at desc, order_id desc
        ) as order_rank
    from assessed_orders

),

{# Whose order it is, the assessed order says; what was typed at the checkout, Magento's. -#}
final as (

    select
        ----------  ids
        ranked.store_key,
        ranked.email,
        ranked.order_id,
        orders.customer_group_id,
        orders.store_id,

        ----------  texts
        orders.first_name,
        orders.last_name,
        orders.phone,
        orders.city,
        orders.region,
        orders.country,

        ----------  numerics
        orders.gender_code,

        ----------  dates
        orders.birth_date
    from ranked
    inner join orders
        on
            ranked.store_key = orders.store_key
            and ranked.order_id = orders.order_id
    where ranked.order_rank = 1

)

select * from final
