with

lines as (

    select * from {{ ref('int_order_lines_kept') }}

),

final as (

    select
        store_key,
        order_id,
        count(*) as lines
    from lines
    group by store_key, order_id
    having
        max(quantity_ordered) > 0
        and max(quantity_left) = 0

)

select * from final
