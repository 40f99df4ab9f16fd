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

placed as (

    select
        orders.*,
        contacts.email as contact_email,
        contacts.contact_number,
        stores.website,
        stores.store
    from orders
    left join contacts
        on
            orders.store_key = contacts.store_key
            and orders.email = contacts.email
    left join stores
        on
            orders.store_key = stores.store_key
            and orders.store_id = stores.store_id

),

numbered as (

    select
        *,
        is_purchase and contact_number is not null as is_contacts_purchase,
        cast(row_number() over (
            partition by contact_number, is_purchase
            order by created_at, order_id
        ) as bigint) as number_so_far,
        lead(order_id) over (
            partition by contact_number, is_purchase
            order by created_at, order_id
        ) as next_order_id
    from placed

),

final as (

    select
        ----------  ids
        store_key,
        order_id,
        order_number,
        contact_email as email,
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
        {{ list_to_text('promo_codes', var('list_separator')) }} as promo_codes,
        base_currency,
        reporting_currency,
        not_a_purchase_because,

        ----------  numerics
        base_grand_total,
        base_total_refunded,
        base_canceled_unpaid,
        conversion_rate,
        amount,
        discount_amount,
        case when is_contacts_purchase then number_so_far end as purchase_number,

        ----------  booleans
        is_purchase,
        contact_number is not null as has_contact,
        is_contacts_purchase and number_so_far = 1 as is_first_purchase,
        is_contacts_purchase and next_order_id is null as is_last_purchase,

        ----------  dates
        order_date,

        ----------  timestamps
        created_at as ordered_at,
        created_at_local as ordered_at_local
    from numbered

)

select * from final
