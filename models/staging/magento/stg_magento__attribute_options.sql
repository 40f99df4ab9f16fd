with

source as (

    select * from {{ source('magento', 'attribute_options') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        attribute_code,
        {{ strip_whitespace('value') }} as option_id,

        ----------  texts
        {{ clean_text('label') }} as label,

        ----------  booleans
        _deleted_at is not null as is_deleted
    from source

)

select * from renamed
