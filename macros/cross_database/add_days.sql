{#- The date so many days later. -#}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days', 'magento_icommkt')(date, days)) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    ({{ date }} + {{ days }})
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, {{ days }})
{%- endmacro %}
