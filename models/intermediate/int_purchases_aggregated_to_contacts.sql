{%- set windows = purchase_windows(var('purchase_windows')) -%}
{%- set longest = var('purchase_windows')[-1] -%}
{%- set period = '' if var('rfm_period_days') is none else var('rfm_period_days') | string | trim -%}
{%- set period = whole_number(period) if period else none -%}
{%- set list_max_length = whole_number(var('list_max_length')) -%}
{%- set in_period = 'days_ago <= ' ~ period if period is not none else 'true' -%}
{%- set separator = var('list_separator') -%}
{%- set edges = var('purchase_windows') + ([period] if period is not none else []) -%}
{%- set lists = {
    'products': 'product',
    'categories': 'category',
    'discount_codes': 'promo code',
} -%}

{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_stale_rows(
        'select * from ' ~ ref('int_buyers_versioned'), 'email', aggregates_of_other_days(ref('int_build_settings'))
    ) }}",
    post_hook="{{ make_other_parts(ref('int_buyers_versioned')) }}"
) }}

with

settings as (

    select * from {{ ref('int_build_settings') }}

),

{# The number stands for the contact in here: grouping by it is cheaper than by an address. -#}
buyers as (

    select
        versions.store_key,
        versions.email,
        versions._made_from,
        row_number() over (order by versions.store_key, versions.email) as buyer_number
    from {{ ref('int_buyers_versioned') }} as versions
    where
        {{ in_this_part('versions', ref('int_buyers_versioned'), ref('int_build_settings')) }}
        and {{ not_made_yet('versions', 'email') }}

),

fields as (

    select * from {{ ref('icommkt_fields') }}

),

purchases as (

    select
        purchases.*,
        buyers.buyer_number,
        {{ days_between('purchases.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchases') }} as purchases
    inner join settings
        on purchases.store_key = settings.store_key
    inner join buyers
        on
            purchases.store_key = buyers.store_key
            and purchases.email = buyers.email

),

items as (

    select
        items.*,
        buyers.buyer_number,
        {{ days_between('items.purchase_date', 'settings.as_of_date') }} as days_ago
    from {{ ref('fct_purchase_items') }} as items
    inner join settings
        on items.store_key = settings.store_key
    inner join buyers
        on
            items.store_key = buyers.store_key
            and items.email = buyers.email

),

product_sets as (

    select * from {{ ref('int_product_sets_labelled') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where
        is_purchase
        and promo_codes is not null

),

----------  counts and amounts

totals as (

    select
        buyer_number,
        min(purchase_date) as first_purchase_date,
        max(purchase_date) as last_purchase_date,
        max(case when is_last_purchase then amount end) as last_purchase_amount,
        max(case when days_ago > {{ longest }} then purchase_date end)
            as last_purchase_date_{{ windows[-1].suffix }},
        count(case when {{ in_period }} then 1 end) as purchases_in_rfm_period,
        cast(coalesce(sum(case when {{ in_period }} then amount end), 0) as decimal(20, 4))
            as amount_in_rfm_period,
        {%- for window in windows %}
        count(case when {{ window.contains }} then 1 end) as purchases_{{ window.suffix }},
        cast(coalesce(sum(case when {{ window.contains }} then amount end), 0) as decimal(20, 4))
            as amount_{{ window.suffix }},
        {%- endfor %}
        count(*) as purchases_total,
        cast(sum(amount) as decimal(20, 4)) as amount_total,
        min(
            case
                {%- for days in edges | sort %}
                when days_ago <= {{ days }} then {{ add_days('purchase_date', days + 1) }}
                {%- endfor %}
            end
        ) as _holds_until
    from purchases
    group by buyer_number

),

----------  lists

{# The windows up to the longest lie inside each other, so a value stands in a window's list when its most
   recent purchase is in the window, and it has the same neighbours in all of them: each list is the
   beginning of the longest one. What is older than the longest window has a list of its own. -#}
product_names as (

    select
        buyer_number,
        'product' as kind,
        days_ago > {{ longest }} as is_older,
        product_name as value,
        min({{ occurrence_key('purchase_number', 'item_id') }}) as occurrence_key,
        min(days_ago) as days_ago,
        max(cast(is_last_purchase as int)) = 1 as is_in_last_purchase
    from items
    where product_name is not null
    group by buyer_number, days_ago > {{ longest }}, product_name

),

bought_products as (

    select
        store_key,
        buyer_number,
        days_ago > {{ longest }} as is_older,
        category_product_ids as product_ids,
        min({{ occurrence_key('purchase_number', 'item_id') }}) as occurrence_key,
        min(days_ago) as days_ago,
        max(cast(is_last_purchase as int)) = 1 as is_in_last_purchase
    from items
    where category_product_ids is not null
    group by store_key, buyer_number, days_ago > {{ longest }}, category_product_ids

),

bought_categories as (

    select
        bought_products.buyer_number,
        bought_products.is_older,
        bought_products.occurrence_key,
        bought_products.days_ago,
        bought_products.is_in_last_purchase,
        {{ explode_list('product_sets.categories', 'position', 'category') }}
    from bought_products
    inner join product_sets
        on
            bought_products.store_key = product_sets.store_key
            and bought_products.product_ids = product_sets.product_ids

),

category_names as (

    select
        buyer_number,
        'category' as kind,
        is_older,
        category as value,
        min(occurrence_key + position) as occurrence_key,
        min(days_ago) as days_ago,
        max(cast(is_in_last_purchase as int)) = 1 as is_in_last_purchase
    from bought_categories
    group by buyer_number, is_older, category

),

used_codes as (

    select
        purchases.buyer_number,
        purchases.purchase_number,
        purchases.days_ago,
        purchases.is_last_purchase,
        {{ explode_list('orders.promo_codes', 'position', 'promo_code') }}
    from purchases
    inner join orders
        on
            purchases.store_key = orders.store_key
            and purchases.order_id = orders.order_id

),

promo_codes as (

    select
        buyer_number,
        'promo code' as kind,
        days_ago > {{ longest }} as is_older,
        promo_code as value,
        min({{ occurrence_key('purchase_number', position='position') }}) as occurrence_key,
        min(days_ago) as days_ago,
        max(cast(is_last_purchase as int)) = 1 as is_in_last_purchase
    from used_codes
    group by buyer_number, days_ago > {{ longest }}, promo_code

),

last_bought_brands as (

    select
        items.buyer_number,
        items.purchase_number,
        items.item_id,
        items.days_ago,
        {{ explode_list('product_sets.brands', 'position', 'brand') }}
    from items
    inner join product_sets
        on
            items.store_key = product_sets.store_key
            and items.brand_product_ids = product_sets.product_ids
    where items.is_last_purchase

),

brand_names as (

    select
        buyer_number,
        'brand' as kind,
        days_ago > {{ longest }} as is_older,
        brand as value,
        min({{ occurrence_key('purchase_number', 'item_id', 'position') }}) as occurrence_key,
        min(days_ago) as days_ago,
        true as is_in_last_purchase
    from last_bought_brands
    group by buyer_number, days_ago > {{ longest }}, brand

),

list_values as (

    select * from product_names
    union all
    select * from category_names
    union all
    select * from promo_codes
    union all
    select * from brand_names

),

value_lists as (

    select
        buyer_number,
        {%- for list, kind in lists.items() %}
        {{ ordered_list('value', 'occurrence_key', "kind = '" ~ kind ~ "' and not is_older") }} as {{ list }},
        {{ ordered_list('value', 'occurrence_key', "kind = '" ~ kind ~ "' and is_older") }} as older_{{ list }},
        {%- for window in windows if not window.is_plus %}
        count(case when kind = '{{ kind }}' and {{ window.contains }} then 1 end)
            as number_of_{{ list }}_{{ window.suffix }},
        {%- endfor %}
        {%- endfor %}
        {{ ordered_list('value', 'occurrence_key', "kind = 'brand'") }} as last_purchase_brands,
        {{ ordered_list('value', 'occurrence_key', "kind = 'category' and is_in_last_purchase") }}
            as last_purchase_categories,
        {{ ordered_list('value', 'occurrence_key', "kind = 'promo code' and is_in_last_purchase") }}
            as last_purchase_promo_codes
    from list_values
    group by buyer_number

),

{# How many characters the seed icommkt_fields allows each list. -#}
limits as (

    select
        coalesce(
            max(case when mart_column = 'last_purchase_brands' then max_length end),
            {{ list_max_length }}
        ) as last_purchase_brands,
        {%- for window in windows %}
        {%- for list in lists %}
        coalesce(
            max(case when mart_column = '{{ list }}_{{ window.suffix }}' then max_length end),
            {{ list_max_length }}
        ) as {{ list }}_{{ window.suffix }},
        {%- endfor %}
        {%- endfor %}
        coalesce(
            max(case when mart_column = 'last_purchase_categories' then max_length end),
            {{ list_max_length }}
        ) as last_purchase_categories,
        coalesce(
            max(case when mart_column = 'last_purchase_promo_codes' then max_length end),
            {{ list_max_length }}
        ) as last_purchase_promo_codes
    from fields

),

aggregated as (

    select
        ----------  ids
        buyers.store_key,
        buyers.email,

        ----------  dates
        totals.first_purchase_date,
        totals.last_purchase_date,
        totals.last_purchase_date_{{ windows[-1].suffix }},

        ----------  last purchase
        totals.last_purchase_amount,
        {%- for kind in ['brands', 'categories', 'promo_codes'] %}
        {{ list_to_short_text(
            'value_lists.last_purchase_' ~ kind, separator, 'limits.last_purchase_' ~ kind
        ) }} as last_purchase_{{ kind }},
        {%- endfor %}

        ----------  windows
        {%- for window in windows %}
        {%- for list in lists %}
        {%- if window.is_plus %}
        {{ list_to_short_text(
            'value_lists.older_' ~ list, separator, 'limits.' ~ list ~ '_' ~ window.suffix
        ) }} as {{ list }}_{{ window.suffix }},
        {%- else %}
        {{ list_to_short_text(
            first_items('value_lists.' ~ list, 'value_lists.number_of_' ~ list ~ '_' ~ window.suffix),
            separator,
            'limits.' ~ list ~ '_' ~ window.suffix
        ) }} as {{ list }}_{{ window.suffix }},
        {%- endif %}
        {%- endfor %}
        totals.purchases_{{ window.suffix }},
        totals.amount_{{ window.suffix }},
        {{ average_money('totals.amount_' ~ window.suffix, 'totals.purchases_' ~ window.suffix) }}
            as average_amount_{{ window.suffix }},
        {%- endfor %}

        ----------  all purchases
        totals.purchases_in_rfm_period,
        totals.amount_in_rfm_period,
        totals.purchases_total,
        totals.amount_total,

        ----------  making
        buyers._made_from,
        settings.as_of_date as _holds_from,
        coalesce(totals._holds_until, {{ date_literal('9999-12-31') }}) as _holds_until,
        {{ made_by() }}
    from totals
    inner join buyers
        on totals.buyer_number = buyers.buyer_number
    inner join settings
        on buyers.store_key = settings.store_key
    left join value_lists
        on totals.buyer_number = value_lists.buyer_number
    cross join limits

)

select * from aggregated
