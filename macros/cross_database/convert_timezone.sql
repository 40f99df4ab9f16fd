{#- Naive UTC timestamp -> naive timestamp in `zone`, an expression that gives an IANA name. -#}
{% macro convert_timezone(timestamp, zone) -%}
    {{ return(adapter.dispatch('convert_timezone', 'magento_icommkt')(timestamp, zone)) }}
{%- endmacro %}

{% macro default__convert_timezone(timestamp, zone) -%}
    timezone({{ zone }}, timezone('UTC', {{ timestamp }}))
{%- endmacro %}

{% macro spark__convert_timezone(timestamp, zone) -%}
    from_utc_timestamp({{ timestamp }}, {{ zone }})
{%- endmacro %}
