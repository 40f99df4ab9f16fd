with

source as (

    select * from {{ source('magento', 'products') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as product_id,

        ----------  texts
        sku,
        {{ clean_text('name') }} as product_name,
        type_id as product_type,

        ----------  numerics
        price,
        status,
        visibility,

        ----------  booleans
        _deleted_at is not null as is_deleted,

        ----------  timestamps
        created_at,
        updated_at,
        _deleted_at as deleted_at,

        ----------  json
        website_ids,
        variant_product_ids,
        custom_attributes,
        extension_attributes
    from source

)

select * from renamed
