with

items as (

    select * from {{ ref('fct_purchase_items') }}

),

product_categories as (

    select * from {{ ref('product_categories') }}

),

purchase_windows as (

    select * from {{ ref('purchase_windows') }}
    where window_name not in ('all', 'rfm_period')

),

{# The latest purchase first, its lines as they were ordered, the categories of a line in their own order. -#}
bought as (

    select
        purchase_windows.contact_number,
        purchase_windows.window_name,
        product_categories.category as value,
        {{ place_of('purchase_windows.purchase_number', 'items.item_id', 'product_categories.place') }} as place
    from purchase_windows
    inner join items
        on
            purchase_windows.store_key = items.store_key
            and purchase_windows.order_id = items.order_id
    inner join product_categories
        on
            items.store_key = product_categories.store_key
            and items.category_product_ids = product_categories.product_ids

),

{# `final`: a row per contact and window, its list as a text, cut to what the field holds. -#}
{{ lists_by_window('bought', 'categories') }}

select * from final
