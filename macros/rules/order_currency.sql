{#- Currency of an order's own amounts: what it says, else that of its store view; NULL when neither tells. -#}
{% macro order_currency(orders, store_views) -%}
    coalesce({{ orders }}.base_currency, {{ store_views }}.base_currency)
{%- endmacro %}
