with

product_sets as (

    select * from {{ ref('int_product_sets_labelled') }}

),

final as (

    select
        store_key,
        product_ids,
        case when instr(product_ids, ',') = 0 then cast(product_ids as bigint) end as product_id,
        {{ explode_list('categories', 'place', 'category') }}
    from product_sets

)

select * from final
