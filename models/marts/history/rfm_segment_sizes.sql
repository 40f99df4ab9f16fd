with

history as (

    select * from {{ ref('history_segment_sizes') }}

),

final as (

    select
        ----------  ids
        store_key,
        as_of_date,
        rfm_segment,

        ----------  texts
        rfm_group,

        ----------  numerics
        contacts,
        purchases_total,
        amount_total
    from history

)

select * from final
