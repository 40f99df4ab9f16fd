with

items as (

    select * from {{ ref('fct_purchase_items') }}

),

product_brands as (

    select * from {{ ref('product_brands') }}

),

purchase_windows as (

    select * from {{ ref('purchase_windows') }}
    where window_name not in ('all', 'rfm_period')

),

{# The latest purchase first, its lines as they were ordered, the brands of a line in their own order. -#}
bought as (

    select
        purchase_windows.contact_number,
        purchase_windows.window_name,
        product_brands.brand as value,
        {{ place_of('purchase_windows.purchase_number', 'items.item_id', 'product_brands.place') }} as place
    from purchase_windows
    inner join items
        on
            purchase_windows.store_key = items.store_key
            and purchase_windows.order_id = items.order_id
    inner join product_brands
        on
            items.store_key = product_brands.store_key
            and items.brand_product_ids = product_brands.product_ids

),

{# `final`: a row per contact and window, its list as a text, cut to what the field holds. -#}
{{ lists_by_window('bought', 'brands') }}

select * from final
