{#- A date given as a var, as SQL; NULL when it is empty. -#}
{% macro date_literal(value) -%}
    {%- set text = (value if value is not none else '') | string | trim -%}
    {%- if text == '' -%}
        cast(null as date)
    {%- elif not modules.re.match('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', text) -%}
        {{ exceptions.raise_compiler_error("'" ~ text ~ "' is not a date: write it as 2026-11-23") }}
    {%- else -%}
        cast('{{ text }}' as date)
    {%- endif -%}
{%- endmacro %}


{#- A text given as a var, as SQL; NULL when it is empty. -#}
{% macro text_literal(value) -%}
    {%- set text = (value if value is not none else '') | string | trim -%}
    {%- if text == '' -%}
        cast(null as {{ dbt.type_string() }})
    {%- else -%}
        {{ magento_icommkt.quoted(text) }}
    {%- endif -%}
{%- endmacro %}


{#- A whole number given as a var; an error when it is none. -#}
{% macro whole_number(value) -%}
    {%- if not modules.re.match('^[0-9]+\\Z', value | string) -%}
        {{ exceptions.raise_compiler_error("'" ~ value ~ "' is not a whole number") }}
    {%- endif -%}
    {{ return(value | int) }}
{%- endmacro %}
