{#-
    The value at a share of a group's rows, counted from the smallest value or `from_greatest`: the first one up to which
    at least that share of the rows lies. Standard SQL, and numbers only: Spark orders no dates here.
-#}
{% macro value_at_share(share, value, from_greatest=false) -%}
    percentile_disc({{ share }}) within group (order by {{ value }}{{ ' desc' if from_greatest }})
{%- endmacro %}
