with

source as (

    {{ children_of_current_parent(
        child=source('magento', 'creditmemo_items'),
        parent=source('magento', 'creditmemos'),
        parent_id='entity_id',
        child_parent_id='parent_id'
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
