with

source as (

    {{ rows_of_list(
        source('magento', 'customers'),
        list='addresses',
        parent_id='id',
        parent_key='customer_id',
        fields={
            'id': 'bigint',
            'city': 'text',
            'region.region': 'text',
            'region.region_code': 'text',
            'postcode': 'text',
            'country_id': 'text',
            'telephone': 'text',
            'default_billing': 'boolean',
            'default_shipping': 'boolean'
        }
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
