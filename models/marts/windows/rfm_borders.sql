with

scores as (

    select * from {{ ref('rfm_scores') }}

),

{# What the last buyer who has a score has: one day more, or one purchase or cent less, is the score below. -#}
borders as (

    {% for measure, value in [
        ('recency', 'max(days_since_last_purchase)'),
        ('frequency', 'min(purchases)'),
        ('monetary', 'min(amount)'),
    ] -%}
    select
        store_key,
        window_name,
        '{{ measure }}' as measure,
        {{ measure }}_score as score,
        count(*) as buyers,
        cast({{ value }} as decimal(20, 4)) as begins_at
    from scores
    group by store_key, window_name, {{ measure }}_score
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select * from borders
