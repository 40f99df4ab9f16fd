with

source as (

    select * from {{ source('magento', 'customers') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as customer_id,
        group_id as customer_group_id,
        store_id,
        website_id,
        default_billing as default_billing_address_id,
        default_shipping as default_shipping_address_id,

        ----------  texts
        {{ normalise_email('email') }} as email,
        {{ clean_text('firstname') }} as first_name,
        {{ clean_text('middlename') }} as middle_name,
        {{ clean_text('lastname') }} as last_name,
        {{ clean_text('created_in') }} as created_in,

        ----------  numerics
        gender as gender_code,

        ----------  booleans
        is_subscribed,

        ----------  dates
        {{ parse_birth_date(strip_whitespace('dob')) }} as birth_date,

        ----------  timestamps
        created_at,
        updated_at,

        ----------  json
        custom_attributes,
        extension_attributes
    from source
    where _deleted_at is null

)

select * from renamed
