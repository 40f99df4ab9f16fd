{#-
    A number that sorts what a contact bought: the latest purchase first, then the lowest line, then the position within
    the line. Room for 10^8 purchases of one contact, any line id, 10^10 positions.
-#}
{% macro place_of(purchase_number, item_id='0', position='0') -%}
    (
        {{ magento_icommkt.big_integer('100000000 - ' ~ purchase_number) }}
        * {{ magento_icommkt.big_integer('100000000000000000000000000000') }}
        + {{ magento_icommkt.big_integer(item_id) }} * {{ magento_icommkt.big_integer('10000000000') }}
        + {{ magento_icommkt.big_integer(position) }}
    )
{%- endmacro %}
