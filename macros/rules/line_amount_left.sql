{#-
    The part of a line's total that is left after refunds and cancellations, decimal(20,4), half up:
    total x quantity left / quantity ordered. A line's total is never negative in Magento; one that is
    counts as 0.
-#}
{% macro line_amount_left(row_total, quantity_left, quantity_ordered) -%}
    case
        when {{ quantity_left }} = {{ quantity_ordered }}
            then cast(greatest({{ row_total }}, 0) as decimal(20, 4))
        else cast(
            cast(
                {{ magento_icommkt.divide_half_up(
                    "cast(greatest(" ~ row_total ~ ", 0) * 10000 as bigint) * "
                    ~ magento_icommkt.big_integer(quantity_left ~ " * 10000"),
                    quantity_ordered ~ " * 10000"
                ) }} as decimal(20, 0)
            ) * cast(0.0001 as decimal(5, 4)) as decimal(20, 4)
        )
    end
{%- endmacro %}
