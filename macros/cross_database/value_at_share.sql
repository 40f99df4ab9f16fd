{#-
    The value at a share of a group's rows, counted from the smallest value or `from_greatest`: the first one up to which
    at least that share of the rows lies. Numbers only: Spark orders no dates here.
-#}
{% macro value_at_share(share, value, from_greatest=false) -%}
    {{ return(adapter.dispatch('value_at_share', 'magento_icommkt')(share, value, from_greatest)) }}
{%- endmacro %}

{% macro default__value_at_share(share, value, from_greatest) -%}
    percentile_disc({{ share }}) within group (order by {{ value }}{{ ' desc' if from_greatest }})
{%- endmacro %}

{% macro spark__value_at_share(share, value, from_greatest) -%}
    percentile_disc({{ share }}) within group (order by {{ value }}{{ ' desc' if from_greatest }})
{%- endmacro %}
