{#- No two rows have the same values in the columns; empty values count as equal. -#}
{% test unique_combination(model, columns) %}
    {%- set key = columns | join(', ') %}

select
    {{ key }},
    count(*) as number_of_rows
from {{ model }}
group by {{ key }}
having count(*) > 1

{% endtest %}
