{#- A number that tells whether any of the values has changed. It is compared only with numbers of the same warehouse. -#}
{% macro row_version(values) -%}
    {{ return(adapter.dispatch('row_version', 'magento_icommkt')(values)) }}
{%- endmacro %}

{% macro default__row_version(values) -%}
    hash({{ values | join(', ') }})
{%- endmacro %}

{% macro spark__row_version(values) -%}
    xxhash64({{ values | join(', ') }})
{%- endmacro %}


{#- One such number out of those of a group's rows; no two rows of the group may have the same. -#}
{% macro group_version(version) -%}
    bit_xor({{ version }})
{%- endmacro %}
