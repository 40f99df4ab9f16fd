{#-
    The kept lines of every order add up to its subtotal plus its (negative) discount: nothing is counted twice and
    nothing is lost, whatever bundles and configurables are in it. Over REST a line's total is already net of its
    discount. A discount on shipping is part of the order's discount but of no line, so a difference of up to the
    shipping amount passes when the lines' own discounts explain the rest.
-#}
{{ config(severity=var('line_totals_severity')) }}

with

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

lines as (

    select
        store_key,
        order_id,
        sum(base_row_total) as base_row_total,
        sum(base_discount_amount) as base_discount_amount
    from {{ ref('int_order_lines_kept') }}
    group by store_key, order_id

),

compared as (

    select
        orders.store_key,
        orders.order_id,
        orders.base_subtotal,
        orders.base_discount_amount,
        orders.base_shipping_amount,
        coalesce(lines.base_row_total, 0) as lines_net,
        coalesce(lines.base_row_total, 0)
        - orders.base_subtotal
        - orders.base_discount_amount as difference,
        coalesce(lines.base_row_total, 0)
        + coalesce(lines.base_discount_amount, 0)
        - orders.base_subtotal as gross_difference
    from orders
    left join lines
        on
            orders.store_key = lines.store_key
            and orders.order_id = lines.order_id

)

select *
from compared
where
    difference <> 0
    and not (
        gross_difference = 0
        and difference > 0
        and difference <= base_shipping_amount
    )
