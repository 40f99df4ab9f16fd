{#- dbt writes the rows of unit tests as literals; these are what Spark needs of them. -#}

{#- A list is written as DuckDB reads it from text, [A, B] or ['with, comma']; Spark casts no text to a list. -#}
{% macro spark__safe_cast(field, type) %}
    {%- if type | lower == 'array<string>' and field is string and field.startswith("'[") -%}
        {%- set text = field[2:-2] | replace("\\'", "'") | replace("\\\\", "\\") -%}
        cast(array(
            {%- for quoted, plain in modules.re.findall("'([^']*)'|([^', ][^',]*)", text) -%}
            {{ magento_icommkt.quoted(quoted or plain) }}{{ ", " if not loop.last }}
            {%- endfor -%}
        ) as array<string>)
    {%- else -%}
        cast({{ field }} as {{ type }})
    {%- endif -%}
{% endmacro %}

{#- A backslash in a text is one; Spark reads the beginning of an escape. -#}
{% macro spark__escape_single_quotes(expression) -%}
{{ expression | replace("\\", "\\\\") | replace("'", "\\'") }}
{%- endmacro %}
