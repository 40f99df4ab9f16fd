with

source as (

    select * from {{ source('magento', 'orders') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        entity_id as order_id,
        increment_id as order_number,
        customer_id,
        customer_group_id,
        store_id,
        relation_parent_id as replaced_order_id,

        ----------  texts
        {{ normalise_email('customer_email') }} as email,
        {{ clean_text('customer_firstname') }} as first_name,
        {{ clean_text('customer_lastname') }} as last_name,
        {{ clean_text('billing_telephone') }} as phone,
        {{ clean_text('billing_city') }} as city,
        {{ clean_text('billing_region') }} as region,
        {{ clean_text('billing_postcode') }} as postcode,
        {{ clean_text('billing_country_id') }} as country,
        store_name,
        state,
        status,
        payment_method,
        {{ clean_text('base_currency_code') }} as base_currency,
        order_currency_code as order_currency,
        global_currency_code as global_currency,
        coupon_code,
        coupon_codes,
        discount_description,

        ----------  numerics
        customer_gender as gender_code,
        base_to_global_rate,
        base_to_order_rate,
        coalesce(base_subtotal, 0) as base_subtotal,
        coalesce(base_discount_amount, 0) as base_discount_amount,
        coalesce(base_shipping_amount, 0) as base_shipping_amount,
        coalesce(base_tax_amount, 0) as base_tax_amount,
        coalesce(base_grand_total, 0) as base_grand_total,
        coalesce(base_total_paid, 0) as base_total_paid,
        coalesce(base_total_refunded, 0) as base_total_refunded,
        coalesce(base_total_canceled, 0) as base_total_canceled,
        total_qty_ordered,
        total_item_count,

        ----------  booleans
        coalesce(customer_is_guest, 0) = 1 as is_guest,

        ----------  dates
        {{ parse_birth_date(strip_whitespace('customer_dob')) }} as birth_date,

        ----------  timestamps
        created_at,
        updated_at
    from source
    where _deleted_at is null

)

select * from renamed
