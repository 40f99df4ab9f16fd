with

orders as (

    select * from {{ ref('fct_orders') }}

),

final as (

    select
        ----------  ids
        store_key,
        order_id,
        order_number,
        email,
        contact_number,
        customer_id,
        store_id,

        ----------  texts
        website,
        store,
        country,
        region,
        state,
        status,
        payment_method,
        gateway,
        promo_codes,
        base_currency,
        reporting_currency,

        ----------  numerics
        base_grand_total,
        base_total_refunded,
        base_canceled_unpaid,
        conversion_rate,
        amount,
        discount_amount,
        purchase_number,

        ----------  booleans
        has_contact,
        is_first_purchase,
        is_last_purchase,

        ----------  dates
        order_date as purchase_date,

        ----------  timestamps
        ordered_at as purchased_at,
        ordered_at_local as purchased_at_local
    from orders
    where is_purchase

)

select * from final
