{%- set overall = 'all' if rfm_period() is none else 'rfm_period' -%}

with

contact_windows as (

    select
        store_key,
        email,
        contact_number,
        purchases,
        amount,
        days_since_last_purchase,
        case when window_name = '{{ overall }}' then 'all' else window_name end as window_name
    from {{ ref('contact_windows') }}
    where window_name not in ('last_purchase'{{ ", 'all'" if overall != 'all' }})

),

{# One row; a measure without fixed borders has none. -#}
borders as (

    select
        {%- for measure in ['recency', 'frequency', 'monetary'] %}
        {%- for score in [2, 3, 4, 5] %}
        max(case when measure = '{{ measure }}' and score = {{ score }} then cutoff end) as {{ measure }}_{{ score }},
        {%- endfor %}
        {%- endfor %}
        count(*) as number_of_borders
    from {{ ref('rfm_thresholds') }}

),

{# Ranks count from the worst: whoever has rank n has n - 1 buyers who are strictly worse. -#}
ranked as (

    select
        *,
        count(*) over (
            partition by store_key, window_name
        ) as buyers,
        count(case when purchases = 1 then 1 end) over (
            partition by store_key, window_name
        ) as single_buyers,
        rank() over (
            partition by store_key, window_name
            order by days_since_last_purchase desc
        ) as recency_rank,
        rank() over (
            partition by store_key, window_name
            order by purchases
        ) as frequency_rank,
        rank() over (
            partition by store_key, window_name
            order by amount
        ) as monetary_rank
    from contact_windows

),

scored as (

    select
        ranked.*,
        coalesce(
            {{ score_by_borders('ranked.days_since_last_purchase', '<=', 'borders.recency') }},
            1 + {{ integer_divide('5 * (ranked.recency_rank - 1)', 'ranked.buyers') }}
        ) as recency_score,
        coalesce(
            {{ score_by_borders('ranked.purchases', '>=', 'borders.frequency') }},
            case
                when ranked.purchases = 1 then 1
                else 2 + {{ integer_divide(
                    '4 * (ranked.frequency_rank - 1 - ranked.single_buyers)', 'ranked.buyers - ranked.single_buyers'
                ) }}
            end
        ) as frequency_score,
        coalesce(
            {{ score_by_borders('ranked.amount', '>=', 'borders.monetary') }},
            1 + {{ integer_divide('5 * (ranked.monetary_rank - 1)', 'ranked.buyers') }}
        ) as monetary_score
    from ranked
    cross join borders

),

final as (

    select
        ----------  ids
        store_key,
        email,
        window_name,
        contact_number,

        ----------  texts
        cast(100 * recency_score + 10 * frequency_score + monetary_score as {{ dbt.type_string() }}) as rfm,

        ----------  numerics
        purchases,
        amount,
        days_since_last_purchase,
        cast(recency_score as int) as recency_score,
        cast(frequency_score as int) as frequency_score,
        cast(monetary_score as int) as monetary_score
    from scored

)

select * from final
