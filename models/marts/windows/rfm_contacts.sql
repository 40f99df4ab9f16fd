with

contacts as (

    select * from {{ ref('dim_contacts') }}

),

buyers as (

    select * from {{ ref('contact_windows') }}
    where window_name = 'all'

),

scores as (

    select * from {{ ref('rfm_scores') }}
    where window_name = 'all'

),

segments as (

    select
        rfm_group,
        rfm_segment,
        coalesce(recency_score, 0) as recency_score,
        coalesce(monetary_score, 0) as monetary_score
    from {{ ref('rfm_segments') }}

),

{# A buyer without a purchase in rfm_period_days has no scores, yet is no prospect: the lowest of the beginners. -#}
grouped as (

    select
        contacts.store_key,
        contacts.email,
        contacts.contact_number,
        buyers.contact_number is not null as is_buyer,
        scores.recency_score,
        scores.frequency_score,
        scores.monetary_score,
        scores.rfm,
        case
            when buyers.contact_number is null then 'PROSPECTS'
            when coalesce(scores.frequency_score, 1) = 1 then 'BEGINNERS'
            when scores.frequency_score <= 3 then 'FREQUENT'
            else 'LOYAL'
        end as rfm_group,
        case when buyers.contact_number is not null then coalesce(scores.recency_score, 1) else 0 end
            as segment_recency,
        case when buyers.contact_number is not null then coalesce(scores.monetary_score, 1) else 0 end
            as segment_monetary
    from contacts
    left join buyers
        on contacts.contact_number = buyers.contact_number
    left join scores
        on contacts.contact_number = scores.contact_number

),

final as (

    select
        ----------  ids
        grouped.store_key,
        grouped.email,
        grouped.contact_number,

        ----------  texts
        grouped.rfm,
        grouped.rfm_group,
        segments.rfm_segment,

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
            and grouped.segment_recency = segments.recency_score
            and grouped.segment_monetary = segments.monetary_score

)

select * from final
