with

items as (

    select * from {{ ref('fct_purchase_items') }}

),

purchase_windows as (

    select * from {{ ref('purchase_windows') }}
    where window_name not in ('all', 'rfm_period')

),

{# The latest purchase first, its lines as they were ordered. -#}
bought as (

    select
        purchase_windows.contact_number,
        purchase_windows.window_name,
        items.product_name as value,
        {{ place_of('purchase_windows.purchase_number', 'items.item_id') }} as place
    from purchase_windows
    inner join items
        on
            purchase_windows.store_key = items.store_key
            and purchase_windows.order_id = items.order_id
    where items.product_name is not null

),

{# `final`: a row per contact and window, its list as a text, cut to what the field holds. -#}
{{ lists_by_window('bought', 'products') }}

select * from final
