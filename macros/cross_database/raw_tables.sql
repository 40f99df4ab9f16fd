{#- Raw tables of a build of many stores: each is the files of all exports. Elsewhere the loader makes them. -#}
{% macro register_raw_tables() -%}
    {%- if execute and target.name in ('lake', 'spark') -%}
        {%- do run_query("create schema if not exists raw") -%}
        {%- for node in graph.sources.values() -%}
            {%- do run_query(adapter.dispatch('raw_table', 'magento_icommkt')(
                node.name, env_var('RAW_LAKE'), env_var('RAW_EXPORTS').split(',')
            )) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro default__raw_table(name, lake, exports) -%}
    create or replace view raw.{{ name }} as from read_parquet([
        {%- for export in exports -%}
        {{ magento_icommkt.quoted(lake ~ "/" ~ export ~ "/" ~ name ~ ".parquet") }}{{ ", " if not loop.last }}
        {%- endfor -%}
    ])
{%- endmacro %}

{% macro spark__raw_table(name, lake, exports) -%}
    create table if not exists raw.{{ name }} using parquet
    location {{ magento_icommkt.quoted(lake ~ "/{" ~ exports | join(",") ~ "}/" ~ name ~ ".parquet") }}
{%- endmacro %}
