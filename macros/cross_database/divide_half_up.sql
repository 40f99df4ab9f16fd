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
