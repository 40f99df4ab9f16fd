{#- Every row that has a value in the columns finds its row in another model. -#}
{% test refers_to(model, columns, to, to_columns=none) %}
    {%- set to_columns = to_columns or columns %}

select children.*
from {{ model }} as children
left join {{ to }} as parents
    on
        {%- for column in columns %}
        {{ "and " if not loop.first }}children.{{ column }} = parents.{{ to_columns[loop.index0] }}
        {%- endfor %}
where
    parents.{{ to_columns[0] }} is null
    {%- for column in columns %}
    and children.{{ column }} is not null
    {%- endfor %}

{% endtest %}
