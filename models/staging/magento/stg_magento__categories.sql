with

source as (

    select * from {{ source('magento', 'categories') }}

),

renamed as (

    select
        ----------  ids
        store_key,
        id as category_id,
        parent_id as parent_category_id,

        ----------  texts
        {{ clean_text('name') }} as category,
        path as category_path,

        ----------  numerics
        level as category_level,
        position as category_position,

        ----------  booleans
        coalesce(is_active, false) as is_active,
        _deleted_at is not null as is_deleted,

        ----------  timestamps
        created_at,
        updated_at
    from source

)

select * from renamed
