{#- Whole days from one date to another, as bigint; negative when `until` is the earlier one. -#}
{% macro days_between(since, until) -%}
    {{ return(adapter.dispatch('days_between', 'magento_icommkt')(since, until)) }}
{%- endmacro %}

{% macro default__days_between(since, until) -%}
    cast(date_diff('day', {{ since }}, {{ until }}) as bigint)
{%- endmacro %}

{% macro spark__days_between(since, until) -%}
    cast(datediff({{ until }}, {{ since }}) as bigint)
{%- endmacro %}
