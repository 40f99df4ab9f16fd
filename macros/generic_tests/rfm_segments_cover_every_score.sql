{#- Every group of buyers, recency and monetary score has exactly one segment, PROSPECTS one of its own. -#}
{% test rfm_segments_cover_every_score(model) %}

with

scores as (

    select 1 as score
    {%- for score in [2, 3, 4, 5] %}
    union all
    select {{ score }} as score
    {%- endfor %}

),

rfm_groups as (

    select 'BEGINNERS' as rfm_group
    union all
    select 'FREQUENT' as rfm_group
    union all
    select 'LOYAL' as rfm_group

),

expected as (

    select
        rfm_groups.rfm_group,
        recency.score as recency_score,
        monetary.score as monetary_score
    from rfm_groups
    cross join scores as recency
    cross join scores as monetary

    union all

    select
        'PROSPECTS' as rfm_group,
        0 as recency_score,
        0 as monetary_score

),

found as (

    select
        rfm_group,
        coalesce(recency_score, 0) as recency_score,
        coalesce(monetary_score, 0) as monetary_score,
        count(*) as segments
    from {{ model }}
    group by rfm_group, coalesce(recency_score, 0), coalesce(monetary_score, 0)

)

select
    coalesce(expected.rfm_group, found.rfm_group) as rfm_group,
    coalesce(expected.recency_score, found.recency_score) as recency_score,
    coalesce(expected.monetary_score, found.monetary_score) as monetary_score,
    coalesce(found.segments, 0) as segments
from expected
full outer join found
    on
        expected.rfm_group = found.rfm_group
        and expected.recency_score = found.recency_score
        and expected.monetary_score = found.monetary_score
where
    expected.rfm_group is null
    or coalesce(found.segments, 0) <> 1

{% endtest %}
