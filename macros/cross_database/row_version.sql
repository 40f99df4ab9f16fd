{#- A number that tells whether any of the values has changed. It is compared only with numbers of the same warehouse. -#}
{% macro row_version(values) -%}
    {{ return(adapter.dispatch('row_version', 'magento_icommkt')(values)) }}
{%- endmacro %}

{#- DuckDB's hash of several values is a plain xor of the last one with the others; hashed again it is not, so that the
    versions of a group do not cancel each other out when two rows change in the same way. -#}
{% macro default__row_version(values) -%}
    hash(hash({{ values | join(', ') }}))
{%- endmacro %}

{% macro spark__row_version(values) -%}
    xxhash64({{ values | join(', ') }})
{%- endmacro %}


{#- One such number out of those of a group's rows; no two rows of the group may have the same. -#}
{% macro group_version(version) -%}
    bit_xor({{ version }})
{%- endmacro %}
