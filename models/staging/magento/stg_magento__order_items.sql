with

source as (

    {{ children_of_current_parent(
        child=source('magento', 'order_items'),
        parent=source('magento', 'orders'),
        parent_id='entity_id',
        child_parent_id='order_id'
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
