{#- None of the columns is empty in any row. One test for many columns: a build runs hundreds. -#}
{% test never_empty(model, columns) %}

select *
from {{ model }}
where
    {%- for column in columns %}
    {{ "or " if not loop.first }}{{ column }} is null
    {%- endfor %}

{% endtest %}
