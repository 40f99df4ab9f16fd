{#- Now, as a naive UTC timestamp. Only int_build_settings may use it. -#}
{% macro current_utc_timestamp() -%}
    {{ return(adapter.dispatch('current_utc_timestamp', 'magento_icommkt')()) }}
{%- endmacro %}

{% macro default__current_utc_timestamp() -%}
    timezone('UTC', current_timestamp)
{%- endmacro %}

{% macro spark__current_utc_timestamp() -%}
    to_utc_timestamp(current_timestamp(), current_timezone())
{%- endmacro %}
