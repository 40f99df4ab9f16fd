{#- The columns together identify a row, and none of them is empty. -#}
{% test primary_key(model, columns) %}
    {%- set key = columns | join(', ') %}

select
    {{ key }},
    count(*) as number_of_rows
from {{ model }}
group by {{ key }}
having
    count(*) > 1
    {%- for column in columns %}
    or {{ column }} is null
    {%- endfor %}

{% endtest %}
