{#- A number from 0 to `buckets` - 1 for a text: always the same for the same text, and each for about as many texts. -#}
{% macro bucket_of(text, buckets) -%}
    {{ return(adapter.dispatch('bucket_of', 'magento_icommkt')(text, buckets)) }}
{%- endmacro %}

{% macro default__bucket_of(text, buckets) -%}
    cast(hash({{ text }}) % ({{ buckets }}) as int)
{%- endmacro %}

{% macro spark__bucket_of(text, buckets) -%}
    cast(pmod(xxhash64({{ text }}), {{ buckets }}) as int)
{%- endmacro %}
