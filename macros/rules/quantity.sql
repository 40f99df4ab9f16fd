{#-
    A quantity as decimal(18,4), 0 when there is none: a number of 64 bits, which is kept and read several times as fast
    as a wider one. Magento's own columns hold less than 10^8; a larger one, which none can be, must not stop a build.
-#}
{% macro quantity(raw) -%}
    cast(least(coalesce({{ raw }}, 0), 99999999.9999) as decimal(18, 4))
{%- endmacro %}
