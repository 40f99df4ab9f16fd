{#- Every row meets the condition; a condition that comes to NULL is not met. -#}
{% test expression_is_true(model, expression) %}

select *
from {{ model }}
where not coalesce({{ expression }}, false)

{% endtest %}
