with

orders as (

    select
        store_key,
        order_id,
        {{ explode_list('promo_codes', 'place', 'promo_code') }}
    from {{ ref('int_orders_assessed') }}
    where is_purchase

),

purchase_windows as (

    select * from {{ ref('purchase_windows') }}
    where window_name not in ('all', 'rfm_period')

),

{# The latest purchase first, its codes as Magento lists them. -#}
bought as (

    select
        purchase_windows.contact_number,
        purchase_windows.window_name,
        orders.promo_code as value,
        {{ place_of('purchase_windows.purchase_number', '0', 'orders.place') }} as place
    from purchase_windows
    inner join orders
        on
            purchase_windows.store_key = orders.store_key
            and purchase_windows.order_id = orders.order_id

),

{# `final`: a row per contact and window, its list as a text, cut to what the field holds. -#}
{{ lists_by_window('bought', 'discount_codes') }}

select * from final
