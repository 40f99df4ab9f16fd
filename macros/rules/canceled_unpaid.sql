{#-
    What was canceled, as far as it was not paid: an order that is canceled, brought back and paid keeps its old canceled
    totals and quantities. `whole` is what was ordered, `paid` what of it was paid or invoiced.
-#}
{% macro canceled_unpaid(canceled, whole, paid) -%}
    greatest(least({{ canceled }}, {{ whole }} - {{ paid }}), 0)
{%- endmacro %}
