{#-
    Raw tables on Spark: each is the files of every store's export, RAW_EXPORTS being the folders of these as one pattern. On
    DuckDB the loader makes them.
-#}
{% macro register_raw_tables() -%}
    {%- if execute and target.type == 'spark' -%}
        {%- do run_query("create schema if not exists raw") -%}
        {%- for node in graph.sources.values() -%}
            {%- do run_query(
                "create table if not exists raw." ~ node.name ~ " using parquet location '"
                ~ env_var('RAW_EXPORTS') ~ "/" ~ node.name ~ ".parquet'"
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
