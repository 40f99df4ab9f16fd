{#- Methods that the seed payment_methods does not list follow the default rule; somebody should look at them once. -#}
{{ config(severity='warn', meta={'show_rows': true}) }}

select
    store_key,
    payment_method,
    count(*) as orders,
    max(created_at) as latest_order_at
from {{ ref('int_orders_assessed') }}
where not is_payment_method_known
group by store_key, payment_method
