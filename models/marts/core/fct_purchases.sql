with

purchases as (

    select * from {{ ref('fct_orders') }}
    where is_purchase

),

numbered as (

    select
        *,
        row_number() over (
            partition by contact_number
            order by ordered_at, order_id
        ) as purchase_number,
        lead(order_id) over (
            partition by contact_number
            order by ordered_at, order_id
        ) as next_order_id
    from purchases

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
        case when has_contact then purchase_number end as purchase_number,

        ----------  booleans
        has_contact,
        has_contact and purchase_number = 1 as is_first_purchase,
        has_contact and next_order_id is null as is_last_purchase,

        ----------  dates
        order_date as purchase_date,

        ----------  timestamps
        ordered_at as purchased_at,
        ordered_at_local as purchased_at_local
    from numbered

)

select * from final
