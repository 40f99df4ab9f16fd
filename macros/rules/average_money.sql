{#- Amount per purchase, decimal(20,2), rounded half up; 0 when there is no purchase. -#}
{% macro average_money(amount, number) -%}
    case
        when {{ number }} > 0
            then cast(
                cast(
                    {{ magento_icommkt.divide_half_up(
                        "cast(" ~ amount ~ " as decimal(20, 4)) * 10000",
                        "100 * " ~ number
                    ) }} as decimal(20, 0)
                ) * cast(0.01 as decimal(3, 2)) as decimal(20, 2)
            )
        else cast(0 as decimal(20, 2))
    end
{%- endmacro %}
