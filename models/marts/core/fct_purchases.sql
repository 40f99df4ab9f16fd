{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='fail',
    pre_hook="{{ forget_stale_contacts(
        purchase_versions(ref('int_orders_assessed'), ref('int_emails_checked'), ref('int_stores_named')), 'order_id'
    ) }}"
) }}

with

purchases as (

    select orders.*
    from {{ ref('int_orders_assessed') }} as orders
    where
        orders.is_purchase
        and {{ not_made_yet('orders', 'order_id') }}

),

emails as (

    select * from {{ ref('int_emails_checked') }}
    where is_contact

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

stores as (

    select * from {{ ref('int_stores_named') }}

),

addressed as (

    select
        purchases.*,
        emails.email as contact_email,
        stores.website,
        stores.store,
        {{ purchase_version('purchases', 'emails', 'stores') }} as purchase_made_from,
        {{ convert_timezone('purchases.created_at', store_timezone('settings')) }} as purchased_at_local
    from purchases
    inner join settings
        on purchases.store_key = settings.store_key
    left join emails
        on
            purchases.store_key = emails.store_key
            and purchases.email = emails.email
    left join stores
        on
            purchases.store_key = stores.store_key
            and purchases.store_id = stores.store_id

),

numbered as (

    select
        *,
        row_number() over (
            partition by store_key, contact_email
            order by created_at, order_id
        ) as purchase_number,
        lead(order_id) over (
            partition by store_key, contact_email
            order by created_at, order_id
        ) as next_order_id
    from addressed

),

final as (

    select
        ----------  ids
        store_key,
        order_id,
        order_number,
        contact_email as email,
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

        ----------  numerics
        base_grand_total,
        base_total_refunded,
        base_canceled_unpaid,
        conversion_rate,
        amount,
        {{ convert_money('greatest(0 - base_discount_amount, 0)', 'conversion_rate') }} as discount_amount,
        case when contact_email is not null then purchase_number end as purchase_number,

        ----------  booleans
        contact_email is not null as has_contact,
        contact_email is not null and purchase_number = 1 as is_first_purchase,
        contact_email is not null and next_order_id is null as is_last_purchase,

        ----------  dates
        order_date as purchase_date,

        ----------  timestamps
        created_at as purchased_at,
        purchased_at_local,

        ----------  making
        purchase_made_from as _made_from,
        {{ made_by() }}
    from numbered

)

select * from final
