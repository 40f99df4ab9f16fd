with

creditmemos as (

    select * from {{ ref('stg_magento__creditmemos') }}

),

orders as (

    select * from {{ ref('fct_orders') }}

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

final as (

    select
        ----------  ids
        creditmemos.store_key,
        creditmemos.creditmemo_id,
        creditmemos.creditmemo_number,
        creditmemos.order_id,
        orders.order_number,
        orders.email,

        ----------  texts
        creditmemos.base_currency,

        ----------  numerics
        creditmemos.base_subtotal,
        creditmemos.base_discount_amount,
        creditmemos.base_shipping_amount,
        creditmemos.base_tax_amount,
        creditmemos.base_adjustment_positive,
        creditmemos.base_adjustment_negative,
        creditmemos.base_grand_total,
        {{ convert_money('creditmemos.base_grand_total', 'orders.conversion_rate') }} as amount,

        ----------  booleans
        coalesce(creditmemos.creditmemo_state = 3, false) as is_canceled,
        coalesce(orders.is_purchase, false) as is_of_purchase,

        ----------  dates
        {{ local_date('creditmemos.created_at', store_timezone('settings')) }} as refund_date,

        ----------  timestamps
        creditmemos.created_at as refunded_at
    from creditmemos
    inner join settings
        on creditmemos.store_key = settings.store_key
    left join orders
        on
            creditmemos.store_key = orders.store_key
            and creditmemos.order_id = orders.order_id

)

select * from final
