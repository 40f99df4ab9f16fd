with

history as (

    select * from {{ ref('history_segments') }}

),

moves as (

    select
        ----------  ids
        store_key,
        email,
        as_of_date as moved_date,

        ----------  texts
        case
            when previous_rfm_segment is null then 'new'
            when rfm_segment is null then 'gone'
            else 'moved'
        end as move_type,
        previous_rfm_group as from_rfm_group,
        previous_rfm_segment as from_rfm_segment,
        coalesce(rfm_group, 'GONE') as to_rfm_group,
        coalesce(rfm_segment, 'GONE') as to_rfm_segment,

        ----------  numerics
        case
            when previous_rfm_segment is not null
                then {{ days_between(
                    'lag(as_of_date) over (partition by store_key, email order by as_of_date)',
                    'as_of_date'
                ) }}
        end as days_in_from_segment
    from history

)

select * from moves
