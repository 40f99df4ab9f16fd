{#-
    No list of products is longer than its field allows, and none ends inside an item: the lists of those contacts whose list
    may have been cut are put together again from the purchased lines, and a cut list must be the beginning of the whole one,
    and go on with the separator.
-#}
{%- set separator = var('list_separator') -%}

with

lists as (

    select
        lists.*,
        coalesce(fields.max_length, {{ whole_number(var('list_max_length')) }}) as max_length
    from {{ ref('contact_products') }} as lists
    left join {{ ref('icommkt_profile_fields') }} as fields
        on fields.mart_column = concat('products_', lists.window_name)

),

{# A product's name has at most 255 characters, so a list with more room than that left was not cut. -#}
perhaps_cut as (

    select *
    from lists
    where length(products) + 255 + {{ separator | length }} > max_length

),

lines as (

    select
        perhaps_cut.contact_number,
        perhaps_cut.window_name,
        items.product_name,
        row_number() over (
            partition by perhaps_cut.contact_number, perhaps_cut.window_name
            order by items.purchase_number desc, items.item_id asc
        ) as place
    from perhaps_cut
    inner join {{ ref('purchase_windows') }} as purchases
        on
            perhaps_cut.contact_number = purchases.contact_number
            and perhaps_cut.window_name = purchases.window_name
    inner join {{ ref('fct_purchase_items') }} as items
        on
            purchases.store_key = items.store_key
            and purchases.order_id = items.order_id
    where items.product_name is not null

),

first_places as (

    select
        contact_number,
        window_name,
        product_name,
        min(place) as place
    from lines
    group by contact_number, window_name, product_name

),

whole as (

    select
        contact_number,
        window_name,
        {{ list_to_text(ordered_list('product_name', 'place'), separator) }} as products
    from first_places
    group by contact_number, window_name

)

select
    perhaps_cut.contact_number,
    perhaps_cut.window_name
from perhaps_cut
left join whole
    on
        perhaps_cut.contact_number = whole.contact_number
        and perhaps_cut.window_name = whole.window_name
where
    length(perhaps_cut.products) > perhaps_cut.max_length
    or whole.products is null
    or substr(
        concat(whole.products, {{ quoted(separator) }}),
        1,
        length(perhaps_cut.products) + {{ separator | length }}
    ) <> concat(perhaps_cut.products, {{ quoted(separator) }})
