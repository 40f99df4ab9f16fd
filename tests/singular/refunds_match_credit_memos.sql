{#-
    What an order says was refunded is what its credit memos come to. A difference means that a module refunds in its own
    way or that credit memos are missing, and that amounts of those orders should be looked at.
-#}
{{ config(severity='warn') }}

with

memos as (

    select
        store_key,
        order_id,
        sum(base_grand_total) as base_refunded
    from {{ ref('stg_magento__creditmemos') }}
    where coalesce(creditmemo_state, 2) <> 3
    group by store_key, order_id

)

select
    orders.store_key,
    orders.order_id,
    orders.base_total_refunded,
    memos.base_refunded
from {{ ref('stg_magento__orders') }} as orders
left join memos
    on
        orders.store_key = memos.store_key
        and orders.order_id = memos.order_id
where orders.base_total_refunded <> coalesce(memos.base_refunded, 0)
