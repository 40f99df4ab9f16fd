{#- The date that a naive UTC timestamp has in a time zone. -#}
{% macro local_date(timestamp, zone) -%}
    cast({{ magento_icommkt.convert_timezone(timestamp, zone) }} as date)
{%- endmacro %}
