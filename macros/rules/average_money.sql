{#- Amount per purchase, decimal(20,2), rounded half up; 0 when there is no purchase. -#}
{% macro average_money(amount, number) -%}
    case
        when {{ number }} > 0
            then cast(
                cast({{ magento_icommkt.cents_each(amount, number) }} as decimal(20, 0))
                * cast(0.01 as decimal(3, 2)) as decimal(20, 2)
            )
        else cast(0 as decimal(20, 2))
    end
{%- endmacro %}
