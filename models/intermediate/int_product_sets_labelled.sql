with

products as (

    select * from {{ ref('int_products_labelled') }}

),

lines as (

    select * from {{ ref('int_order_lines_kept') }}

),

product_sets as (

    select
        store_key,
        cast(product_id as {{ dbt.type_string() }}) as product_ids
    from products
    union
    select
        store_key,
        child_product_ids as product_ids
    from lines
    where child_product_ids is not null

),

members as (

    select
        store_key,
        product_ids,
        {{ explode_list(split_list('product_ids'), 'position', 'product_id') }}
    from product_sets

),

final as (

    select
        members.store_key,
        members.product_ids,
        {{ clean_list(flat_list(ordered_list('products.brands', 'members.position', 'products.brands is not null'))) }}
            as brands,
        {{ clean_list(
            flat_list(ordered_list('products.categories', 'members.position', 'products.categories is not null'))
        ) }} as categories
    from members
    left join products
        on
            members.store_key = products.store_key
            and cast(members.product_id as bigint) = products.product_id
    group by members.store_key, members.product_ids

)

select * from final
