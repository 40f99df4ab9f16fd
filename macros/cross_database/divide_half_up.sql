{#-
    Quotient of two whole numbers, rounded half up to a whole number; neither may be negative.
    Money divides through this: DuckDB divides decimals as binary floats, which is a cent off in one
    average of a hundred.
-#}
{% macro divide_half_up(numerator, denominator) -%}
    {{ return(adapter.dispatch('divide_half_up', 'magento_icommkt')(numerator, denominator)) }}
{%- endmacro %}

{% macro default__divide_half_up(numerator, denominator) -%}
    {{ magento_icommkt.integer_divide(
        "2 * " ~ magento_icommkt.big_integer(numerator) ~ " + " ~ magento_icommkt.big_integer(denominator),
        "2 * " ~ magento_icommkt.big_integer(denominator)
    ) }}
{%- endmacro %}


{#- An amount, decimal(20,4) and not negative, shared among a number above 0: whole cents, rounded half up. -#}
{% macro cents_each(amount, number) -%}
    {{ return(adapter.dispatch('cents_each', 'magento_icommkt')(amount, number)) }}
{%- endmacro %}

{% macro default__cents_each(amount, number) -%}
    {{ magento_icommkt.divide_half_up("cast(" ~ amount ~ " as decimal(20, 4)) * 10000", "100 * " ~ number) }}
{%- endmacro %}

{#- Ten times as fast in 64-bit numbers, for amounts that fit into them. -#}
{% macro duckdb__cents_each(amount, number) -%}
    coalesce(
        {{ magento_icommkt.integer_divide(
            "2 * cast(try_cast(" ~ amount ~ " as decimal(14, 4)) * 10000 as bigint) + 100 * " ~ number,
            "200 * " ~ number
        ) }},
        {{ magento_icommkt.default__cents_each(amount, number) }}
    )
{%- endmacro %}
