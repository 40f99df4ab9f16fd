with

source as (

    select * from {{ source('magento', 'store_views') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as store_id,
        website_id,

        ----------  texts
        store_code,
        {{ clean_text('store_name') }} as store,
        {{ clean_text('website_code') }} as website_code,
        {{ clean_text('timezone') }} as store_timezone,
        {{ clean_text('base_currency_code') }} as base_currency,
        {{ clean_text('default_display_currency_code') }} as display_currency,
        locale,

        ----------  booleans
        coalesce(is_default, false) as is_default
    from source
    where _deleted_at is null

)

select * from renamed
