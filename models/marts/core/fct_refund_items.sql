with

items as (

    select * from {{ ref('stg_magento__creditmemo_items') }}

),

refunds as (

    select * from {{ ref('fct_refunds') }}

),

final as (

    select
        ----------  ids
        items.store_key,
        items.creditmemo_item_id,
        items.creditmemo_id,
        refunds.order_id,
        items.item_id,
        items.product_id,

        ----------  texts
        items.sku,
        items.product_name,

        ----------  numerics
        items.quantity,
        items.base_row_total,
        items.base_discount_amount,
        items.base_tax_amount,

        ----------  dates
        refunds.refund_date
    from items
    inner join refunds
        on
            items.store_key = refunds.store_key
            and items.creditmemo_id = refunds.creditmemo_id

)

select * from final
