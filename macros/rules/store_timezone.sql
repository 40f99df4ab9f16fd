{#-
    The zone in which dates are taken, as SQL. `settings` is an alias of int_build_settings, whose column tells the zone
    where no var does. Where a build has one zone, `make build` always sets the var: a zone written out is looked up
    once, not once per row. A build of many stores has many zones.
-#}
{% macro store_timezone(settings) -%}
    {%- if target.name in ('prod', 'dev') and (var('store_timezone') or '') | string | trim -%}
        {{ magento_icommkt.text_literal(var('store_timezone')) }}
    {%- else -%}
        {{ settings }}.store_timezone
    {%- endif -%}
{%- endmacro %}
