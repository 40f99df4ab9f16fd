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

)

select
    measure,
    count(*) as number_of_cutoffs,
    min(case when score between 2 and 5 then score end) as lowest_score,
    max(case when score between 2 and 5 then score end) as highest_score,
    max(
        case
            when measure = 'recency' and cutoff >= cutoff_below then 1
            when measure <> 'recency' and cutoff <= cutoff_below then 1
            else 0
        end
    ) = 1 as is_in_wrong_order
from compared
group by measure
having
    count(*) <> 4
    or count(distinct score) <> 4
    or max(case when measure = 'recency' and cutoff >= cutoff_below then 1 else 0 end) = 1
    or max(case when measure <> 'recency' and cutoff <= cutoff_below then 1 else 0 end) = 1

{% endtest %}
