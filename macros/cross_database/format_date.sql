{#- A date as ICOMMKT reads it, dd/mm/yyyy; NULL for NULL. -#}
{% macro format_date(date) -%}
    {{ return(adapter.dispatch('format_date', 'magento_icommkt')(date)) }}
{%- endmacro %}

{% macro default__format_date(date) -%}
    strftime({{ date }}, '%d/%m/%Y')
{%- endmacro %}

{% macro spark__format_date(date) -%}
    date_format({{ date }}, 'dd/MM/yyyy')
{%- endmacro %}
