{#- A text trimmed of any Unicode white space; NULL when nothing is left. -#}
{% macro clean_text(text) -%}
    nullif({{ magento_icommkt.strip_whitespace(text) }}, '')
{%- endmacro %}
