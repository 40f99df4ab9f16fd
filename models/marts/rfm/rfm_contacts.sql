{%- set windows = purchase_windows(var('purchase_windows')) -%}

with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

buyers as (

    select * from {{ ref('int_purchases_aggregated_to_contacts') }}

),

scores as (

    select * from {{ ref('rfm_window_scores') }}

),

segments as (

    select * from {{ ref('rfm_segments') }}

),

pivoted as (

    select
        store_key,
        email,
        {%- for window in windows %}
        max(case when score_window = '{{ window.suffix }}' then rfm end) as rfm_{{ window.suffix }},
        {%- endfor %}
        max(case when score_window = 'all' then recency_score end) as recency_score,
        max(case when score_window = 'all' then frequency_score end) as frequency_score,
        max(case when score_window = 'all' then monetary_score end) as monetary_score,
        max(case when score_window = 'all' then rfm end) as rfm
    from scores
    group by store_key, email

),

{# A buyer without a purchase in rfm_period_days has no scores, yet is no prospect: the lowest of the
   beginners. -#}
grouped as (

    select
        contacts.store_key,
        contacts.email,
        buyers.email is not null as is_buyer,
        pivoted.recency_score,
        pivoted.frequency_score,
        pivoted.monetary_score,
        pivoted.rfm,
        {%- for window in windows %}
        pivoted.rfm_{{ window.suffix }},
        {%- endfor %}
        case
            when buyers.email is null then 'PROSPECTS'
            when coalesce(pivoted.frequency_score, 1) = 1 then 'BEGINNERS'
            when pivoted.frequency_score <= 3 then 'FREQUENT'
            else 'LOYAL'
        end as rfm_group,
        case when buyers.email is not null then coalesce(pivoted.recency_score, 1) else 0 end
            as segment_recency,
        case when buyers.email is not null then coalesce(pivoted.monetary_score, 1) else 0 end
            as segment_monetary
    from contacts
    left join buyers
        on
            contacts.store_key = buyers.store_key
            and contacts.email = buyers.email
    left join pivoted
        on
            contacts.store_key = pivoted.store_key
            and contacts.email = pivoted.email

),

final as (

    select
        ----------  ids
        grouped.store_key,
        grouped.email,

        ----------  texts
        grouped.rfm,
        grouped.rfm_group,
        segments.rfm_segment,
        {%- for window in windows %}
        grouped.rfm_{{ window.suffix }},
        {%- endfor %}

        ----------  numerics
        grouped.recency_score,
        grouped.frequency_score,
        grouped.monetary_score,

        ----------  booleans
        grouped.is_buyer
    from grouped
    left join segments
        on
            grouped.rfm_group = segments.rfm_group
            and grouped.segment_recency = coalesce(segments.recency_score, 0)
            and grouped.segment_monetary = coalesce(segments.monetary_score, 0)

)

select * from final
