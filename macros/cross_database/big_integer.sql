{#- A whole number with room for 38 digits. Multiplying two of them must not overflow 38 digits. -#}
{% macro big_integer(number) -%}
    {{ return(adapter.dispatch('big_integer', 'magento_icommkt')(number)) }}
{%- endmacro %}

{% macro default__big_integer(number) -%}
    cast({{ number }} as hugeint)
{%- endmacro %}

{% macro spark__big_integer(number) -%}
    cast({{ number }} as decimal(38, 0))
{%- endmacro %}
