with

source as (

    select * from {{ source('magento', 'creditmemos') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        entity_id as creditmemo_id,
        increment_id as creditmemo_number,
        order_id,
        store_id,

        ----------  texts
        base_currency_code as base_currency,

        ----------  numerics
        state as creditmemo_state,
        coalesce(base_subtotal, 0) as base_subtotal,
        coalesce(base_discount_amount, 0) as base_discount_amount,
        coalesce(base_shipping_amount, 0) as base_shipping_amount,
        coalesce(base_tax_amount, 0) as base_tax_amount,
        coalesce(base_adjustment_positive, 0) as base_adjustment_positive,
        coalesce(base_adjustment_negative, 0) as base_adjustment_negative,
        coalesce(base_grand_total, 0) as base_grand_total,

        ----------  timestamps
        created_at,
        updated_at
    from source
    where _deleted_at is null

)

select * from renamed
