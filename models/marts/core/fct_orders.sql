with

orders as (

    select * from {{ ref('int_orders_assessed') }}

),

contacts as (

    select * from {{ ref('int_emails_checked') }}
    where is_contact

),

stores as (

    select * from {{ ref('int_stores_named') }}

),

final as (

    select
        ----------  ids
        orders.store_key,
        orders.order_id,
        orders.order_number,
        contacts.email,
        contacts.contact_number,
        orders.customer_id,
        orders.store_id,

        ----------  texts
        stores.website,
        stores.store,
        orders.country,
        orders.region,
        orders.state,
        orders.status,
        orders.payment_method,
        orders.gateway,
        {{ list_to_text('orders.promo_codes', var('list_separator')) }} as promo_codes,
        orders.base_currency,
        orders.reporting_currency,
        orders.not_a_purchase_because,

        ----------  numerics
        orders.base_grand_total,
        orders.base_total_refunded,
        orders.base_canceled_unpaid,
        orders.conversion_rate,
        orders.amount,
        orders.discount_amount,

        ----------  booleans
        orders.is_purchase,
        contacts.email is not null as has_contact,

        ----------  dates
        orders.order_date,

        ----------  timestamps
        orders.created_at as ordered_at,
        orders.created_at_local as ordered_at_local
    from orders
    left join contacts
        on
            orders.store_key = contacts.store_key
            and orders.email = contacts.email
    left join stores
        on
            orders.store_key = stores.store_key
            and orders.store_id = stores.store_id

)

select * from final
