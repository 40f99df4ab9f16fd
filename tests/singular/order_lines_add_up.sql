{#-
    The kept lines of a purchase, before their discounts, add up to its subtotal, but for a cent a line of rounding. (Over
    REST a line's total is net of its discount.) Nothing that is sent depends on line totals, and modules, some versions of
    Magento and coupons of 100 % on prices with tax make others: it only warns, and names the orders that differ most.
-#}
{{ config(severity='warn', meta={'show_rows': true}) }}

with

purchases as (

    select * from {{ ref('int_orders_assessed') }}
    where is_purchase

),

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

lines as (

    select
        store_key,
        order_id,
        sum(base_row_total + base_discount_amount) as base_total,
        count(*) as number_of_lines
    from {{ ref('int_order_lines_kept') }}
    group by store_key, order_id

),

compared as (

    select
        purchases.store_key,
        purchases.order_number,
        purchases.base_currency,
        coalesce(lines.base_total, 0) - orders.base_subtotal as difference,
        coalesce(lines.number_of_lines, 0) as number_of_lines
    from purchases
    inner join orders
        on
            purchases.store_key = orders.store_key
            and purchases.order_id = orders.order_id
    left join lines
        on
            purchases.store_key = lines.store_key
            and purchases.order_id = lines.order_id

)

select
    store_key,
    order_number,
    difference,
    base_currency
from compared
where abs(difference) > 0.01 * number_of_lines
order by abs(difference) desc, order_number
