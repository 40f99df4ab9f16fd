{#-
    An amount in another currency, decimal(20,4), rounded half up. The narrower types make the product exact
    in both engines: 17 + 20 digits, 12 of them behind the point.
-#}
{% macro convert_money(amount, rate) -%}
    case
        when {{ rate }} = 1
            then cast({{ amount }} as decimal(20, 4))
        else cast(
            round(cast({{ amount }} as decimal(17, 4)) * cast({{ rate }} as decimal(20, 8)), 4)
            as decimal(20, 4)
        )
    end
{%- endmacro %}
