{#-
    No list is longer than its field allows, and none ends inside an item. For the second, the product lists of those
    contacts whose list may have been cut are put together again from the purchased lines: a cut list must be the
    beginning of the whole one, and go on with the separator.
-#}
{%- set windows = purchase_windows(var('purchase_windows')) -%}
{%- set separator = var('list_separator') -%}

with

contacts as (

    select * from {{ ref('icommkt_contacts') }}

),

fields as (

    select * from {{ ref('icommkt_fields') }}
    where type = 'list'

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

lists as (

    {%- for column in ['last_purchase_brands', 'last_purchase_categories', 'last_purchase_promo_codes'] %}
    select
        store_key,
        email,
        '{{ column }}' as mart_column,
        {{ column }} as list_text
    from contacts
    where {{ column }} is not null
    union all
    {%- endfor %}
    {%- for window in windows %}
    {%- set is_last_window = loop.last %}
    {%- for list in ['products', 'categories', 'discount_codes'] %}
    select
        store_key,
        email,
        '{{ list }}_{{ window.suffix }}' as mart_column,
        {{ list }}_{{ window.suffix }} as list_text
    from contacts
    where {{ list }}_{{ window.suffix }} is not null
    {%- if not (loop.last and is_last_window) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

),

limited as (

    select
        lists.*,
        coalesce(fields.max_length, {{ whole_number(var('list_max_length')) }}) as max_length
    from lists
    left join fields
        on lists.mart_column = fields.mart_column

),

too_long as (

    select
        store_key,
        email,
        mart_column
    from limited
    where length(list_text) > max_length

),

{# A product's name has at most 255 characters, so a list with more room than that left was not cut. -#}
perhaps_cut as (

    select *
    from limited
    where
        mart_column like 'products%'
        and length(list_text) + 255 + {{ separator | length }} > max_length

),

items as (

    select
        items.store_key,
        items.email,
        items.product_name,
        items.purchase_number,
        items.item_id,
        {{ days_between('items.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchase_items') }} as items
    inner join settings
        on items.store_key = settings.store_key
    where items.product_name is not null

),

windowed as (

    {%- for window in windows %}
    select
        *,
        'products_{{ window.suffix }}' as mart_column
    from items
    where {{ window.contains }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

ranked as (

    select
        perhaps_cut.store_key,
        perhaps_cut.email,
        perhaps_cut.mart_column,
        windowed.product_name,
        row_number() over (
            partition by
                perhaps_cut.store_key,
                perhaps_cut.email,
                perhaps_cut.mart_column,
                windowed.product_name
            order by windowed.purchase_number desc, windowed.item_id asc
        ) as occurrence,
        row_number() over (
            partition by perhaps_cut.store_key, perhaps_cut.email, perhaps_cut.mart_column
            order by windowed.purchase_number desc, windowed.item_id asc
        ) as place
    from perhaps_cut
    inner join windowed
        on
            perhaps_cut.store_key = windowed.store_key
            and perhaps_cut.email = windowed.email
            and perhaps_cut.mart_column = windowed.mart_column

),

whole as (

    select
        store_key,
        email,
        mart_column,
        {{ list_to_text(ordered_list('product_name', 'place', 'occurrence = 1'), separator) }} as whole_text
    from ranked
    group by store_key, email, mart_column

),

ends_inside_an_item as (

    select
        perhaps_cut.store_key,
        perhaps_cut.email,
        perhaps_cut.mart_column
    from perhaps_cut
    inner join whole
        on
            perhaps_cut.store_key = whole.store_key
            and perhaps_cut.email = whole.email
            and perhaps_cut.mart_column = whole.mart_column
    where
        substr(
            concat(whole.whole_text, {{ quoted(separator) }}),
            1,
            length(perhaps_cut.list_text) + {{ separator | length }}
        ) <> concat(perhaps_cut.list_text, {{ quoted(separator) }})

)

select
    *,
    'longer than its field' as broken
from too_long

union all

select
    *,
    'ends inside an item' as broken
from ends_inside_an_item
