{#- A text column of a seed; NULL where the CSV is empty, which dbt-spark loads as the text None. -#}
{% macro seed_text(column) -%}
    {{ return(adapter.dispatch('seed_text', 'magento_icommkt')(column)) }}
{%- endmacro %}

{% macro default__seed_text(column) -%}
    nullif({{ magento_icommkt.strip_whitespace(column) }}, '')
{%- endmacro %}

{% macro spark__seed_text(column) -%}
    nullif(nullif({{ magento_icommkt.strip_whitespace(column) }}, ''), 'None')
{%- endmacro %}
