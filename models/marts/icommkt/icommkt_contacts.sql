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
long as (

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

{# One row per contact: the same side by side. -#}
wide as (

    select
        contact_number,
        {%- for window in windows %}
        {%- for column in [
            'products', 'categories', 'purchases', 'amount', 'average_amount', 'rfm', 'discount_codes'
        ] %}
        max(case when window_name = '{{ window }}' then {{ column }} end) as {{ column }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        max(case when window_name = 'last_purchase' then amount end) as last_purchase_amount,
        max(case when window_name = 'last_purchase' then brands end) as last_purchase_brands,
        max(case when window_name = 'last_purchase' then categories end) as last_purchase_categories,
        max(case when window_name = 'last_purchase' then discount_codes end) as last_purchase_promo_codes,
        max(case when window_name = 'all' then first_purchase_date end) as first_purchase_date,
        max(case when window_name = 'all' then last_purchase_date end) as last_purchase_date,
        max(case when window_name = 'all' then purchases end) as purchases_total,
        max(case when window_name = 'all' then amount end) as amount_total
    from long
    group by contact_number

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
        wide.first_purchase_date,
        wide.last_purchase_date,
        {{ days_between('wide.first_purchase_date', 'settings.as_of_date') }} as days_since_first_purchase,
        {{ days_between('wide.last_purchase_date', 'settings.as_of_date') }} as days_since_last_purchase,
        coalesce(wide.last_purchase_amount, 0) as last_purchase_amount,
        wide.last_purchase_brands,
        wide.last_purchase_categories,
        wide.last_purchase_promo_codes,

        ----------  windows
        {%- for window in windows %}
        wide.products_{{ window }},
        wide.categories_{{ window }},
        coalesce(wide.purchases_{{ window }}, 0) as purchases_{{ window }},
        coalesce(wide.amount_{{ window }}, 0) as amount_{{ window }},
        cast(coalesce(wide.average_amount_{{ window }}, 0) as decimal(20, 4)) as average_amount_{{ window }},
        wide.rfm_{{ window }},
        wide.discount_codes_{{ window }},
        {%- endfor %}

        ----------  all purchases
        coalesce(wide.purchases_total, 0) as purchases_total,
        coalesce(wide.amount_total, 0) as amount_total,
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
    left join wide
        on contacts.contact_number = wide.contact_number

)

select * from final
