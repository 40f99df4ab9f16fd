with

source as (

    {# A deleted product keeps the categories that it had last. -#}
    {{ rows_of_list(
        source('magento', 'products'),
        list='category_links',
        parent_id='id',
        parent_key='product_id',
        fields={
            'category_id': 'bigint',
            'position': 'bigint'
        },
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
