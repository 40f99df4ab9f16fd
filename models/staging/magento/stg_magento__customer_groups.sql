with

source as (

    select * from {{ source('magento', 'customer_groups') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as customer_group_id,

        ----------  texts
        {{ clean_text('code') }} as customer_group,

        ----------  booleans
        _deleted_at is not null as is_deleted
    from source

)

select * from renamed
