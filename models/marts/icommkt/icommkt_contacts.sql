{%- set windows = var('purchase_windows') -%}

with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

rfm as (

    select * from {{ ref('rfm_contacts') }}

),

{# One row per contact and window, with everything that is told of a window. -#}
contact_by_window as (

    select
        contact_windows.*,
        rfm_scores.rfm,
        contact_products.products,
        contact_categories.categories,
        contact_brands.brands,
        contact_discount_codes.discount_codes
    from {{ ref('contact_windows') }} as contact_windows
    left join {{ ref('rfm_scores') }} as rfm_scores
        on
            contact_windows.contact_number = rfm_scores.contact_number
            and contact_windows.window_name = rfm_scores.window_name
    left join {{ ref('contact_products') }} as contact_products
        on
            contact_windows.contact_number = contact_products.contact_number
            and contact_windows.window_name = contact_products.window_name
    left join {{ ref('contact_categories') }} as contact_categories
        on
            contact_windows.contact_number = contact_categories.contact_number
            and contact_windows.window_name = contact_categories.window_name
    left join {{ ref('contact_brands') }} as contact_brands
        on
            contact_windows.contact_number = contact_brands.contact_number
            and contact_windows.window_name = contact_brands.window_name
    left join {{ ref('contact_discount_codes') }} as contact_discount_codes
        on
            contact_windows.contact_number = contact_discount_codes.contact_number
            and contact_windows.window_name = contact_discount_codes.window_name

),

final as (

    select
        ----------  who
        contacts.store_key,
        contacts.email,
        contacts.customer_id,
        contacts.first_name,
        contacts.last_name,
        contacts.birth_date,
        contacts.gender,
        contacts.phone,
        contacts.city,
        contacts.region,
        contacts.country,
        contacts.customer_group,
        contacts.website,
        contacts.store,
        contacts.account_created_date,
        contacts.is_subscribed,

        ----------  first and last purchase
        in_all.first_purchase_date,
        in_all.last_purchase_date,
        {{ days_between('in_all.first_purchase_date', 'settings.as_of_date') }} as days_since_first_purchase,
        {{ days_between('in_all.last_purchase_date', 'settings.as_of_date') }} as days_since_last_purchase,
        coalesce(in_last_purchase.amount, 0) as last_purchase_amount,
        in_last_purchase.brands as last_purchase_brands,
        in_last_purchase.categories as last_purchase_categories,
        in_last_purchase.discount_codes as last_purchase_discount_codes,

        ----------  windows
        {%- for window in windows %}
        in_{{ window }}.products as products_{{ window }},
        in_{{ window }}.categories as categories_{{ window }},
        coalesce(in_{{ window }}.purchases, 0) as purchases_{{ window }},
        coalesce(in_{{ window }}.amount, 0) as amount_{{ window }},
        cast(coalesce(in_{{ window }}.average_amount, 0) as decimal(20, 4)) as average_amount_{{ window }},
        in_{{ window }}.rfm as rfm_{{ window }},
        in_{{ window }}.discount_codes as discount_codes_{{ window }},
        {%- endfor %}

        ----------  all purchases
        coalesce(in_all.purchases, 0) as purchases_total,
        coalesce(in_all.amount, 0) as amount_total,
        cast(rfm.recency_score as bigint) as recency_score,
        cast(rfm.frequency_score as bigint) as frequency_score,
        cast(rfm.monetary_score as bigint) as monetary_score,
        rfm.rfm,
        rfm.rfm_group,
        rfm.rfm_segment
    from contacts
    inner join settings
        on contacts.store_key = settings.store_key
    inner join rfm
        on contacts.contact_number = rfm.contact_number
    {%- for window in ['all', 'last_purchase'] + windows | list %}
    left join contact_by_window as in_{{ window }}
        on
            contacts.contact_number = in_{{ window }}.contact_number
            and in_{{ window }}.window_name = '{{ window }}'
    {%- endfor %}

)

select * from final
