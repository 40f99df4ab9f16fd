{#- A text as SQL that means exactly this text, whatever is in it. -#}
{% macro quoted(text) -%}
    {{ return(adapter.dispatch('quoted', 'magento_icommkt')(text)) }}
{%- endmacro %}

{% macro default__quoted(text) -%}
    '{{ text | string | replace("'", "''") }}'
{%- endmacro %}

{#- Spark reads a backslash in a text as the beginning of an escape. -#}
{% macro spark__quoted(text) -%}
    '{{ text | string | replace("\\", "\\\\") | replace("'", "\\'") }}'
{%- endmacro %}
