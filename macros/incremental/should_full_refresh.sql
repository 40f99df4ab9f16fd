{#-
    Whether an incremental model starts from nothing. dbt's own macro, which this one replaces, looks at the flag
    and at the model's config. Here a table also starts anew when other rules made it than those of this build:
    rows that a changed model, macro, seed or var would make differently must not stay.
-#}
{% macro should_full_refresh() -%}
    {%- set configured = config.get('full_refresh') -%}
    {%- if configured is not none -%}
        {{ return(configured) }}
    {%- endif -%}
    {{ return(flags.FULL_REFRESH or not magento_icommkt.is_made_by_these_rules(model)) }}
{%- endmacro %}


{#- The fingerprint of the rules as `make build` gives it; empty, so that nothing is kept, when dbt is run without it. -#}
{% macro build_rules() -%}
    {{ return(env_var('BUILD_RULES', '')) }}
{%- endmacro %}


{% macro is_made_by_these_rules(node) -%}
    {%- if not execute or '_made_by' not in node.columns -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set relation = load_relation(this) -%}
    {%- if relation is none or magento_icommkt.build_rules() == '' -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    {%- if '_made_by' not in names -%}
        {{ return(false) }}
    {%- endif -%}
    {#- Every row of such a table is made by the same rules, so one tells for all; an empty table is cheap to make. -#}
    {%- set found = run_query("select _made_by from " ~ relation ~ " limit 1") -%}
    {{ return(found.rows | length == 1 and found.rows[0][0] | string == magento_icommkt.build_rules()) }}
{%- endmacro %}
