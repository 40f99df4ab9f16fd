{%- set windows = purchase_windows(var('purchase_windows')) -%}

with

buyers as (

    select * from {{ ref('int_purchases_aggregated_to_contacts') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

thresholds as (

    select
        count(case when measure = 'recency' then 1 end) > 0 as has_recency,
        {%- for measure in ['recency', 'frequency', 'monetary'] %}
        {%- for score in [2, 3, 4, 5] %}
        max(case when measure = '{{ measure }}' and score = {{ score }} then cutoff end)
            as {{ measure }}_{{ score }},
        {%- endfor %}
        {%- endfor %}
        count(case when measure = 'frequency' then 1 end) > 0 as has_frequency,
        count(case when measure = 'monetary' then 1 end) > 0 as has_monetary
    from {{ ref('rfm_thresholds') }}

),

periods as (

    select
        store_key,
        email,
        'all' as score_window,
        last_purchase_date,
        purchases_in_rfm_period as purchases,
        amount_in_rfm_period as amount
    from buyers
    where purchases_in_rfm_period > 0
    {%- for window in windows %}

    union all

    select
        store_key,
        email,
        '{{ window.suffix }}' as score_window,
        {% if window.is_plus -%}
        last_purchase_date_{{ window.suffix }} as last_purchase_date,
        {%- else -%}
        last_purchase_date,
        {%- endif %}
        purchases_{{ window.suffix }} as purchases,
        amount_{{ window.suffix }} as amount
    from buyers
    where purchases_{{ window.suffix }} > 0
    {%- endfor %}

),

{# How many buyers there are and how many of them are strictly worse; the frequency of those who bought
   more than once is only compared among themselves. -#}
compared as (

    select
        *,
        count(*) over (
            partition by store_key, score_window
        ) as buyers,
        rank() over (
            partition by store_key, score_window
            order by last_purchase_date
        ) - 1 as buyers_less_recent,
        count(*) over (
            partition by store_key, score_window, purchases > 1
        ) as buyers_alike,
        rank() over (
            partition by store_key, score_window, purchases > 1
            order by purchases
        ) - 1 as buyers_less_frequent,
        rank() over (
            partition by store_key, score_window
            order by amount
        ) - 1 as buyers_smaller
    from periods

),

dated as (

    select
        compared.*,
        {{ days_between('compared.last_purchase_date', 'settings.as_of_date') }}
            as days_since_last_purchase
    from compared
    inner join settings
        on compared.store_key = settings.store_key

),

scored as (

    select
        ----------  ids
        dated.store_key,
        dated.email,
        dated.score_window,

        ----------  numerics
        dated.purchases,
        dated.amount,
        dated.days_since_last_purchase,
        cast(
            case
                when thresholds.has_recency
                    then case
                        when dated.days_since_last_purchase <= thresholds.recency_5 then 5
                        when dated.days_since_last_purchase <= thresholds.recency_4 then 4
                        when dated.days_since_last_purchase <= thresholds.recency_3 then 3
                        when dated.days_since_last_purchase <= thresholds.recency_2 then 2
                        else 1
                    end
                else 1 + {{ integer_divide('5 * dated.buyers_less_recent', 'dated.buyers') }}
            end as int
        ) as recency_score,
        cast(
            case
                when thresholds.has_frequency
                    then case
                        when dated.purchases >= thresholds.frequency_5 then 5
                        when dated.purchases >= thresholds.frequency_4 then 4
                        when dated.purchases >= thresholds.frequency_3 then 3
                        when dated.purchases >= thresholds.frequency_2 then 2
                        else 1
                    end
                when dated.purchases = 1
                    then 1
                else 2 + {{ integer_divide('4 * dated.buyers_less_frequent', 'dated.buyers_alike') }}
            end as int
        ) as frequency_score,
        cast(
            case
                when thresholds.has_monetary
                    then case
                        when dated.amount >= thresholds.monetary_5 then 5
                        when dated.amount >= thresholds.monetary_4 then 4
                        when dated.amount >= thresholds.monetary_3 then 3
                        when dated.amount >= thresholds.monetary_2 then 2
                        else 1
                    end
                else 1 + {{ integer_divide('5 * dated.buyers_smaller', 'dated.buyers') }}
            end as int
        ) as monetary_score
    from dated
    cross join thresholds

),

final as (

    select
        ----------  ids
        store_key,
        email,
        score_window,

        ----------  texts
        concat(
            cast(recency_score as {{ dbt.type_string() }}),
            cast(frequency_score as {{ dbt.type_string() }}),
            cast(monetary_score as {{ dbt.type_string() }})
        ) as rfm,

        ----------  numerics
        purchases,
        amount,
        days_since_last_purchase,
        recency_score,
        frequency_score,
        monetary_score
    from scored

)

select * from final
