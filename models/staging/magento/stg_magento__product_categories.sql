with

source as (

    {# A deleted product keeps the categories that it had last. -#}
    {{ children_of_current_parent(
        child=source('magento', 'product_category_links'),
        parent=source('magento', 'products'),
        parent_id='id',
        child_parent_id='product_id',
        with_deleted=true
    ) }}

),

renamed as (

    select
        ----------  ids
        store_key,
        product_id,
        category_id,

        ----------  numerics
        position as product_position
    from source

)

select * from renamed
