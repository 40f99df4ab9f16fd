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
        count(case when measure = 'recency' then 1 end) > 0 as is_recency_fixed,
        {%- for measure in ['recency', 'frequency', 'monetary'] %}
        {%- for score in [2, 3, 4, 5] %}
        max(case when measure = '{{ measure }}' and score = {{ score }} then cutoff end)
            as fixed_{{ measure }}_{{ score }},
        {%- endfor %}
        {%- endfor %}
        count(case when measure = 'frequency' then 1 end) > 0 as is_frequency_fixed,
        count(case when measure = 'monetary' then 1 end) > 0 as is_monetary_fixed
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

dated as (

    select
        periods.*,
        case when periods.purchases > 1 then periods.purchases end as repeated_purchases,
        {{ days_between('periods.last_purchase_date', 'settings.as_of_date') }}
            as days_since_last_purchase
    from periods
    inner join settings
        on periods.store_key = settings.store_key

),

{# The value that ends each fifth of the buyers, the worst first: whoever is better than it has at least so many
   buyers strictly worse. Frequency has quarters, of those who bought more than once. -#}
fifths as (

    select
        store_key,
        score_window,
        {%- for score in [2, 3, 4, 5] %}
        {%- set share = '0.%d' % (2 * (score - 1)) %}
        {{ value_at_share(share, 'days_since_last_purchase', from_greatest=true) }} as recency_{{ score }},
        {{ value_at_share(share, 'amount') }} as monetary_{{ score }},
        {%- endfor %}
        {{ value_at_share('0.25', 'repeated_purchases') }} as frequency_3,
        {{ value_at_share('0.50', 'repeated_purchases') }} as frequency_4,
        {{ value_at_share('0.75', 'repeated_purchases') }} as frequency_5
    from dated
    group by store_key, score_window

),

{# Joined here, where the rows are few: a cross join of every buyer runs in one thread. -#}
borders as (

    select
        fifths.*,
        thresholds.*
    from fifths
    cross join thresholds

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
        case
            when borders.is_recency_fixed
                then {{ score_by_borders('dated.days_since_last_purchase', '<=', 'borders.fixed_recency') }}
            else {{ score_by_borders('dated.days_since_last_purchase', '<', 'borders.recency') }}
        end as recency_score,
        case
            when borders.is_frequency_fixed
                then {{ score_by_borders('dated.purchases', '>=', 'borders.fixed_frequency') }}
            when dated.purchases = 1 then 1
            else {{ score_by_borders('dated.purchases', '>', 'borders.frequency', lowest=2) }}
        end as frequency_score,
        case
            when borders.is_monetary_fixed
                then {{ score_by_borders('dated.amount', '>=', 'borders.fixed_monetary') }}
            else {{ score_by_borders('dated.amount', '>', 'borders.monetary') }}
        end as monetary_score
    from dated
    inner join borders
        on
            dated.store_key = borders.store_key
            and dated.score_window = borders.score_window

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
