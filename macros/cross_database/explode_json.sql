{#-
    A select column that repeats the row once per object of a JSON list. `fields` are the objects' fields, with one dot
    at most; each is a text of the column, NULL where there is none. A row whose list is empty or NULL goes.
-#}
{% macro explode_json(json, fields, value) -%}
    {{ return(adapter.dispatch('explode_json', 'magento_icommkt')(json, fields, value)) }}
{%- endmacro %}

{% macro default__explode_json(json, fields, value) -%}
    {%- set levels = magento_icommkt.levels_of(fields) -%}
    {%- set shape -%}
    { {%- for outer, inner in levels.items() -%}
        "{{ outer }}":
        {%- if inner -%} { {%- for one in inner -%} "{{ one }}":"VARCHAR"{{ "," if not loop.last }} {%- endfor -%} }
        {%- else -%} "VARCHAR" {%- endif -%}
        {{ "," if not loop.last }}
    {%- endfor -%} }
    {%- endset -%}
    unnest(from_json({{ json }}, '[{{ shape }}]')) as {{ value }}
{%- endmacro %}

{% macro spark__explode_json(json, fields, value) -%}
    {%- set levels = magento_icommkt.levels_of(fields) -%}
    {%- set shape = [] -%}
    {%- for outer, inner in levels.items() -%}
        {%- set type = "struct<" ~ inner | map("string") | join(": string, ") ~ ": string>" if inner else "string" -%}
        {%- do shape.append(outer ~ ": " ~ type) -%}
    {%- endfor -%}
    explode(from_json({{ json }}, 'array<struct<{{ shape | join(", ") }}>>')) as {{ value }}
{%- endmacro %}

{#- Fields by what stands before their dot: {"a": [], "b": ["c", "d"]} of a, b.c and b.d. -#}
{% macro levels_of(fields) -%}
    {%- set levels = {} -%}
    {%- for field in fields -%}
        {%- set parts = field.split('.') -%}
        {%- do levels.setdefault(parts[0], []) -%}
        {%- if parts | length > 1 -%}
            {%- do levels[parts[0]].append(parts[1]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(levels) }}
{%- endmacro %}
