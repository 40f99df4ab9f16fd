with

source as (

    {{ rows_of_list(
        source('magento', 'creditmemos'),
        list='items',
        parent_id='entity_id',
        parent_key='parent_id',
        fields={
            'entity_id': 'bigint',
            'order_item_id': 'bigint',
            'product_id': 'bigint',
            'sku': 'text',
            'name': 'text',
            'qty': 'decimal(20, 4)',
            'base_price': 'decimal(20, 4)',
            'base_row_total': 'decimal(20, 4)',
            'base_discount_amount': 'decimal(20, 4)',
            'base_tax_amount': 'decimal(20, 4)'
        }
    ) }}

),

renamed as (

    select
        ----------  ids
        store_key,
        entity_id as creditmemo_item_id,
        parent_id as creditmemo_id,
        order_item_id as item_id,
        product_id,

        ----------  texts
        sku,
        {{ clean_text('name') }} as product_name,

        ----------  numerics
        {{ quantity('qty') }} as quantity,
        coalesce(base_price, 0) as base_price,
        coalesce(base_row_total, 0) as base_row_total,
        coalesce(base_discount_amount, 0) as base_discount_amount,
        coalesce(base_tax_amount, 0) as base_tax_amount
    from source

)

select * from renamed
