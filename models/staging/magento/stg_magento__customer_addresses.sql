with

source as (

    {{ children_of_current_parent(
        child=source('magento', 'customer_addresses'),
        parent=source('magento', 'customers'),
        parent_id='id',
        child_parent_id='customer_id'
    ) }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as address_id,
        customer_id,

        ----------  texts
        {{ clean_text('telephone') }} as phone,
        {{ clean_text('city') }} as city,
        {{ clean_text('region') }} as region,
        region_code,
        {{ clean_text('postcode') }} as postcode,
        {{ clean_text('country_id') }} as country,

        ----------  booleans
        coalesce(default_billing, false) as is_default_billing,
        coalesce(default_shipping, false) as is_default_shipping
    from source

)

select * from renamed
