{{ config(
    materialized='table'
) }}

with

source as (

    {{ rows_of_list(
        source('magento', 'orders'),
        list='items',
        parent_id='entity_id',
        parent_key='order_id',
        fields={
            'item_id': 'bigint',
            'parent_item_id': 'bigint',
            'product_id': 'bigint',
            'product_type': 'text',
            'sku': 'text',
            'name': 'text',
            'qty_ordered': 'decimal(20, 4)',
            'qty_invoiced': 'decimal(20, 4)',
            'qty_refunded': 'decimal(20, 4)',
            'qty_canceled': 'decimal(20, 4)',
            'base_price': 'decimal(20, 4)',
            'base_row_total': 'decimal(20, 4)',
            'base_discount_amount': 'decimal(20, 4)',
            'base_tax_amount': 'decimal(20, 4)',
            'base_amount_refunded': 'decimal(20, 4)',
            'created_at': 'timestamp',
            'updated_at': 'timestamp'
        }
    ) }}

),

renamed as (

    select
        ----------  ids
        store_key,
        item_id,
        order_id,
        parent_item_id,
        product_id,

        ----------  texts
        product_type,
        sku,
        {{ clean_text('name') }} as product_name,

        ----------  numerics
        {{ quantity('qty_ordered') }} as quantity_ordered,
        {{ quantity('qty_invoiced') }} as quantity_invoiced,
        {{ quantity('qty_refunded') }} as quantity_refunded,
        {{ quantity('qty_canceled') }} as quantity_canceled,
        coalesce(base_price, 0) as base_price,
        coalesce(base_row_total, 0) as base_row_total,
        coalesce(base_discount_amount, 0) as base_discount_amount,
        coalesce(base_tax_amount, 0) as base_tax_amount,
        coalesce(base_amount_refunded, 0) as base_amount_refunded,

        ----------  timestamps
        created_at,
        updated_at
    from source

)

select * from renamed
