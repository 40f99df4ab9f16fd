{#- A measure with cut-offs has one for each of the scores 2 to 5, each stricter than the one below it. -#}
{% test rfm_thresholds_are_complete(model) %}

with

compared as (

    select
        measure,
        score,
        cutoff,
        lag(cutoff) over (partition by measure order by score) as cutoff_below
    from {{ model }}

),

measures as (

    select
        measure,
        count(*) as number_of_cutoffs,
        count(distinct score) as different_scores,
        max(
            case
                when measure = 'recency' and cutoff >= cutoff_below then 1
                when measure <> 'recency' and cutoff <= cutoff_below then 1
                else 0
            end
        ) = 1 as is_in_wrong_order
    from compared
    group by measure

)

select *
from measures
where
    number_of_cutoffs <> 4
    or different_scores <> 4
    or is_in_wrong_order

{% endtest %}
