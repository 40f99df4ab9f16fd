{%- set windows = purchase_windows(var('purchase_windows')) -%}

with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

buyers as (

    select * from {{ ref('int_purchases_aggregated_to_contacts') }}

),

rfm as (

    select * from {{ ref('rfm_contacts') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

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
        buyers.first_purchase_date,
        buyers.last_purchase_date,
        {{ days_between('buyers.first_purchase_date', 'settings.as_of_date') }}
            as days_since_first_purchase,
        {{ days_between('buyers.last_purchase_date', 'settings.as_of_date') }}
            as days_since_last_purchase,
        coalesce(buyers.last_purchase_amount, 0) as last_purchase_amount,
        buyers.last_purchase_brands,
        buyers.last_purchase_categories,
        buyers.last_purchase_promo_codes,

        ----------  windows
        {%- for window in windows %}
        buyers.products_{{ window.suffix }},
        buyers.categories_{{ window.suffix }},
        coalesce(buyers.purchases_{{ window.suffix }}, 0) as purchases_{{ window.suffix }},
        coalesce(buyers.amount_{{ window.suffix }}, 0) as amount_{{ window.suffix }},
        coalesce(buyers.average_amount_{{ window.suffix }}, 0) as average_amount_{{ window.suffix }},
        rfm.rfm_{{ window.suffix }},
        buyers.discount_codes_{{ window.suffix }},
        {%- endfor %}

        ----------  all purchases
        coalesce(buyers.purchases_total, 0) as purchases_total,
        coalesce(buyers.amount_total, 0) as amount_total,
        rfm.recency_score,
        rfm.frequency_score,
        rfm.monetary_score,
        rfm.rfm,
        rfm.rfm_group,
        rfm.rfm_segment
    from contacts
    inner join settings
        on contacts.store_key = settings.store_key
    inner join rfm
        on
            contacts.store_key = rfm.store_key
            and contacts.email = rfm.email
    left join buyers
        on
            contacts.store_key = buyers.store_key
            and contacts.email = buyers.email

)

select * from final
