{#- Orders that would be purchases but that neither say their currency nor have it from their store view: left out. -#}
{{ config(severity='warn', meta={'show_rows': true}) }}

select
    store_key,
    store_id,
    count(*) as orders_left_out,
    min(order_number) as first_order_number,
    max(order_number) as last_order_number
from {{ ref('int_orders_assessed') }}
where not_a_purchase_because = 'no currency'
group by store_key, store_id
order by count(*) desc, store_id
