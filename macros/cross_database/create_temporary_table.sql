{#- Statement that makes a table of a query's rows, replacing one of that name, until the session ends. -#}
{% macro create_temporary_table(name, query) -%}
    {{ return(adapter.dispatch('create_temporary_table', 'magento_icommkt')(name, query)) }}
{%- endmacro %}

{% macro default__create_temporary_table(name, query) -%}
    create or replace temporary table {{ name }} as {{ query }}
{%- endmacro %}

{#- Spark has no such table. Its view is read after the rows are removed, and then gives the keys that are missing: the same to make. -#}
{% macro spark__create_temporary_table(name, query) -%}
    create or replace temporary view {{ name }} as {{ query }}
{%- endmacro %}
